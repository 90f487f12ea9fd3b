// Strict YAML 1.2 (core schema) as Nodes with places.  The home of yaml-cpp; called for DAG files and
// settings files.
#pragma once
#include <string>
#include <vector>

#include "core/base/finding.h"
#include "core/base/node.h"

namespace tamis::base {

/// Reads all documents of `source`.  What is wrong with it as YAML (syntax, duplicate keys, tabs, unknown
/// tags) becomes a finding; what could be read is returned all the same.  Never throws.
std::vector<Node> parse_yaml(const std::string& source, Findings& findings);

}  // namespace tamis::base

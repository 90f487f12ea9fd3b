// The index template that gives new indices their mapping, made from a task's fields.  Used by the
// elasticsearch sink.
#pragma once
#include <string>

#include "core/base/json.h"
#include "tasks/sinks/elasticsearch_nodes.h"
#include "tasks/sinks/sink.h"

namespace tamis::sinks {

struct IndexTemplate {
  std::string name;     ///< tamis-iot-clean
  std::string pattern;  ///< iot-clean-*
  base::Json body;      ///< what PUT /_index_template/NAME takes
};

/// `index` as a DAG file has it, with `{event_time:…}` parts.
IndexTemplate make_template(const std::string& index, const SinkContext& context);

/// Stores the template unless the server has the same, and gives indices that are there the fields they lack.
/// Fields that other tasks declared for the same indices stay.  Throws UserError when the server refuses it.
void ensure_template(ElasticsearchNodes& nodes, const IndexTemplate& wanted, const std::stop_token& stop);

}  // namespace tamis::sinks

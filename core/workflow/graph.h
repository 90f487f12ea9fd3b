// The edges between a DAG's tasks, by number: task i is Dag::tasks[i].  Used by the DAG check (cycles) and by
// the scheduler.
#pragma once
#include <cstdint>
#include <vector>

#include "core/workflow/dag.h"

namespace tamis::workflow {

struct Graph {
  std::vector<std::vector<uint32_t>> upstream, downstream;

  Graph() = default;
  explicit Graph(const Dag& dag);
  size_t size() const { return upstream.size(); }
  bool is_leaf(uint32_t task) const { return downstream[task].empty(); }
};

/// One shortest cycle for every strongly connected component with more than one node, each as the nodes along
/// the edges.
std::vector<std::vector<uint32_t>> find_cycles(const std::vector<std::vector<uint32_t>>& edges);

}  // namespace tamis::workflow

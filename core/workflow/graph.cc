#include "core/workflow/graph.h"

#include <algorithm>
#include <string_view>
#include <unordered_map>

namespace tamis::workflow {
namespace {

using Edges = std::vector<std::vector<uint32_t>>;
constexpr uint32_t none = UINT32_MAX;

/// Tarjan's components, without recursion as a chain may have a hundred thousand tasks.
std::vector<std::vector<uint32_t>> components(const Edges& edges) {
  const auto n = static_cast<uint32_t>(edges.size());
  std::vector<uint32_t> index(n, none), low(n, 0), stack;
  std::vector<bool> on_stack(n, false);
  std::vector<std::vector<uint32_t>> out;
  struct Frame {
    uint32_t node;
    size_t next = 0;
  };
  std::vector<Frame> frames;
  uint32_t counter = 0;
  for (uint32_t root = 0; root < n; ++root) {
    if (index[root] != none) continue;
    frames.push_back({root});
    while (!frames.empty()) {
      auto& frame = frames.back();
      const uint32_t v = frame.node;
      if (frame.next == 0) {
        index[v] = low[v] = counter++;
        stack.push_back(v);
        on_stack[v] = true;
      }
      if (frame.next < edges[v].size()) {
        const uint32_t w = edges[v][frame.next++];
        if (index[w] == none)
          frames.push_back({w});
        else if (on_stack[w])
          low[v] = std::min(low[v], index[w]);
        continue;
      }
      if (low[v] == index[v]) {
        std::vector<uint32_t> component;
        uint32_t w = none;
        do {
          w = stack.back();
          stack.pop_back();
          on_stack[w] = false;
          component.push_back(w);
        } while (w != v);
        if (component.size() > 1) out.push_back(std::move(component));
      }
      frames.pop_back();
      if (!frames.empty()) low[frames.back().node] = std::min(low[frames.back().node], low[v]);
    }
  }
  return out;
}

/// The shortest way from `start` back to itself; empty when `shorter_than` isn't beaten.
std::vector<uint32_t> cycle_through(const Edges& edges, const std::vector<bool>& inside, uint32_t start,
                                    size_t shorter_than) {
  std::unordered_map<uint32_t, uint32_t> from;
  std::vector<uint32_t> level{start}, following;
  for (size_t length = 1; !level.empty() && length < shorter_than; ++length) {
    for (const uint32_t v : level)
      for (const uint32_t w : edges[v]) {
        if (w == start && v != start) {
          std::vector<uint32_t> path{v};
          while (path.back() != start) path.push_back(from[path.back()]);
          std::reverse(path.begin(), path.end());
          return path;
        }
        if (w != start && inside[w] && from.emplace(w, v).second) following.push_back(w);
      }
    level.swap(following);
    following.clear();
  }
  return {};
}

}  // namespace

Graph::Graph(const Dag& dag) : upstream(dag.tasks.size()), downstream(dag.tasks.size()) {
  std::unordered_map<std::string_view, uint32_t> numbers;
  for (uint32_t i = 0; i < dag.tasks.size(); ++i) numbers.emplace(dag.tasks[i].task_id, i);
  for (uint32_t i = 0; i < dag.tasks.size(); ++i)
    for (const auto& name : dag.tasks[i].depends_on) {
      const auto found = numbers.find(name);
      if (found == numbers.end()) continue;
      if (std::find(upstream[i].begin(), upstream[i].end(), found->second) != upstream[i].end()) continue;
      upstream[i].push_back(found->second);
      downstream[found->second].push_back(i);
    }
}

std::vector<std::vector<uint32_t>> find_cycles(const Edges& edges) {
  std::vector<std::vector<uint32_t>> out;
  std::vector<bool> inside(edges.size(), false);
  for (auto& component : components(edges)) {
    for (const uint32_t v : component) inside[v] = true;
    std::sort(component.begin(), component.end());
    std::vector<uint32_t> best;
    // Every start gives the shortest cycle through it; beyond some starts a good one must do.
    size_t starts = 0;
    for (const uint32_t v : component) {
      auto cycle = cycle_through(edges, inside, v, best.empty() ? component.size() + 2 : best.size());
      if (!cycle.empty()) best = std::move(cycle);
      if (best.size() == 2 || ++starts == 200) break;
    }
    for (const uint32_t v : component) inside[v] = false;
    out.push_back(std::move(best));
  }
  return out;
}

}  // namespace tamis::workflow

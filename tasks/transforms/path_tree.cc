#include "tasks/transforms/path_tree.h"

#include <algorithm>

namespace tamis::transforms {

int PathTree::add(const std::vector<std::string>& path) {
  int node = 0;
  for (size_t i = 0;; ++i) {
    size_t child = 0;
    auto& children = nodes[static_cast<size_t>(node)].children;
    while (child < children.size() && children[child].name != path[i]) ++child;
    if (child == children.size()) children.push_back({path[i]});
    if (i + 1 == path.size()) {
      if (children[child].slot < 0) {
        children[child].slot = slots++;
        // A second value of a member makes all below the first one void.
        int above = 0;
        for (size_t k = 0; k < i; ++k) {
          auto& named = nodes[static_cast<size_t>(above)].children;
          above = std::find_if(named.begin(), named.end(), [&](const Child& c) {
                    return c.name == path[k];
                  })->node;
          nodes[static_cast<size_t>(above)].slots.push_back(slots - 1);
        }
      }
      return nodes[static_cast<size_t>(node)].children[child].slot;
    }
    if (children[child].node < 0) {
      children[child].node = static_cast<int>(nodes.size());
      const int below = children[child].node;
      nodes.emplace_back();
      node = below;
    } else {
      node = children[child].node;
    }
  }
}

}  // namespace tamis::transforms

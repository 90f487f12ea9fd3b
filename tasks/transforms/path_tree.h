// What records are searched for: the paths of all declared fields as a tree, and what is found at each.  Used
// by JsonWalker, RecordShapes and FieldCheck.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/transforms/decimal.h"

namespace tamis::transforms {

/// What stands at a path of a record.
struct Slot {
  enum class Kind : uint8_t { missing, null, true_, false_, number, text, object, array };
  Kind kind = Kind::missing;
  bool escaped = false;  ///< the text holds escapes, which are valid
  Number number;  ///< `number.text` is the text of a number or string, without quotes, as it was written
  std::string_view text() const { return number.text; }
};

/// The paths of all fields as a tree.  Immutable once built.
struct PathTree {
  struct Child {
    std::string name;
    int slot = -1;  ///< a path ends here
    int node = -1;  ///< paths go on below
  };
  struct Node {
    std::vector<Child> children;
    std::vector<int> slots;  ///< all slots below
  };
  std::vector<Node> nodes = std::vector<Node>(1);
  int slots = 0;
  /// Adds a path of one name or more; returns its slot, which fields of the same path share.
  int add(const std::vector<std::string>& path);
};

}  // namespace tamis::transforms

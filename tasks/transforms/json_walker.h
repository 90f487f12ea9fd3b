// One JSON record at a time: checks all of it by RFC 8259 and finds the values of the declared paths, in one
// walk over its bytes.  Used by Clean; one walker a thread.
#pragma once
#include <cstddef>
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

class JsonWalker {
 public:
  static constexpr int max_depth = 1024;

  /// `keep`: remember the top-level members that no path begins with, for write_kept.
  JsonWalker(const PathTree& tree, bool keep);
  ~JsonWalker();
  JsonWalker(const JsonWalker&) = delete;
  JsonWalker& operator=(const JsonWalker&) = delete;

  enum class Outcome { object, not_an_object, malformed };
  /// Fills `slots` (as many as the tree has).  Their texts point into `record`.  Reads nothing beyond
  /// `record`.
  Outcome walk(std::string_view record, Slot* slots);

  /// Why the last record was malformed, and at which byte.
  const char* problem() const { return problem_; }
  size_t problem_at() const { return problem_at_; }

  /// Appends the members of the last record that no path begins with to `out`, `"a":1,"b":[2]`: without
  /// spaces between tokens, every name once (the last counts) and in its shortest escapes, at every level.
  void write_kept(std::string& out);

 private:
  /// The member that stood at this place of an object in the record before: most records are built alike.
  struct Guess {
    uint64_t low = 0, high = 0, low_mask = ~uint64_t{0},
             high_mask = ~uint64_t{0};  ///< name and closing quote, if they fit
    uint32_t size = 0;                  ///< of the name; 0: nothing known
    int child = -1;
  };
  struct Member {
    size_t begin, end, name_size;  ///< in the text being written, name with its quotes
  };
  struct Kept {
    std::string_view name;
    const char* value;
  };

  // Those that read take the place where something begins and return the place after it, or null when it is
  // wrong.
  std::nullptr_t fail(const char* problem, const char* at);
  const char* spaces(const char* p) const;
  const char* string(const char* p, std::string_view& raw, bool& escaped);
  const char* string_end(const char* p, bool& escaped);
  const char* literal(const char* p, std::string_view word);
  const char* number(const char* p, Number& number);
  const char* scalar(const char* p);
  const char* object(int node, const char* p, int depth);
  const char* value(const PathTree::Child& child, const char* p, int depth);
  const char* skip(const char* p, int depth);
  const char* name(const PathTree::Node& node, Guess* guess, const char* p, std::string_view& raw,
                   int& child);
  const char* write_value(const char* p, std::string& out);
  void write_name(std::string_view raw, std::string& out);
  void drop_repeated(size_t first, size_t open, std::string& out);

  const PathTree& tree_;
  const bool keep_;
  std::vector<std::vector<Guess>> guesses_;  ///< by node
  std::vector<uint8_t> in_object_;           ///< by level, while skipping
  const char* text_ = nullptr;
  const char* end_ = nullptr;
  unsigned non_ascii_ = 0;  ///< not 0 when a string of the record holds more than ASCII
  Slot* slots_ = nullptr;
  const char* problem_ = "";
  size_t problem_at_ = 0;
  std::string name_;
  std::vector<Kept> kept_;
  std::vector<Member> members_;
};

}  // namespace tamis::transforms

// One JSON record at a time: checks all of it by RFC 8259 and finds the values of the declared paths, in one
// walk over its bytes.  Used by Clean; one walker a thread.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/transforms/path_tree.h"
#include "tasks/transforms/record_shape.h"

namespace tamis::transforms {

class JsonWalker {
 public:
  static constexpr int max_depth = 1024;

  /// `keep`: remember the top-level members that no path begins with, for write_kept.
  JsonWalker(const PathTree& tree, bool keep);
  ~JsonWalker();
  JsonWalker(const JsonWalker&) = delete;
  JsonWalker& operator=(const JsonWalker&) = delete;

  enum class Outcome { object, not_an_object, malformed };
  /// Fills `slots` (as many as the tree has).  Their texts point into `record`.  `is_padded`: 64 readable
  /// bytes follow the record; otherwise no page beyond its last one is touched.
  Outcome walk(std::string_view record, Slot* slots, bool is_padded = false);

  /// Why the last record was malformed, and at which byte.
  const char* problem() const { return problem_; }
  size_t problem_at() const { return problem_at_; }

  /// Appends the members of the last record that no path begins with to `out`, `"a":1,"b":[2]`: without
  /// spaces between tokens, every name once (the last counts) and in its shortest escapes, at every level.
  void write_kept(std::string& out);

 private:
  /// The member that stood at this place of an object in the record before: most records are built alike.
  struct Guess {
    uint64_t low = 1, high = 0;            ///< name and closing quote, if they fit
    uint64_t low_mask = 0, high_mask = 0;  ///< as they are here nothing is like it
    uint32_t size = 0;                     ///< of the name
    int child = -1;
  };
  struct Member {
    size_t begin, end, name_size;  ///< in the text being written, name with its quotes
  };

  /// Reads a record of any shape, or says what is wrong with it.
  Outcome walk_any(std::string_view record);
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
  std::vector<KeptMember> kept_;
  RecordShapes shapes_;
  std::vector<Member> members_;
};

}  // namespace tamis::transforms

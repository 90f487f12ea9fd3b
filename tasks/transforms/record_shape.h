// The bytes between the values of records that were read before.  Most records of a topic differ in their
// values only: where all between them is the same, one comparison for each value replaces reading names and
// brackets. Used by JsonWalker, which reads every other record; one set of shapes a thread.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tasks/transforms/path_tree.h"

namespace tamis::transforms {

/// A top-level member that no path begins with.
struct KeptMember {
  std::string_view name;  ///< as it was written, without quotes
  const char* value;
};

class RecordShapes {
 public:
  /// `keep`: list the top-level members that no path begins with.
  RecordShapes(const PathTree& tree, bool keep) : tree_(tree), keep_(keep) {}

  /// Readable bytes that must follow a record.
  static constexpr size_t padding = 64;

  /// Reads a record of a known shape: true when it is right, with `slots` and `kept` as JsonWalker gives
  /// them.  Says nothing about a record when false: `slots` and `kept` hold anything then.
  bool read(std::string_view record, Slot* slots, std::vector<KeptMember>& kept);

  /// Takes note of the shape of a record that JsonWalker found right.  Not of every one: learning costs.
  void learn(std::string_view record);

 private:
  static constexpr size_t text_max = 32;

  /// Up to 32 bytes, then perhaps a value.
  struct Step {
    alignas(16) char text[text_max] = {};
    uint32_t mask = 0;  ///< a bit for each byte of the text
    uint32_t size = 0;
    bool has_value = false;
    int slot = -1;
    uint32_t kept_end = 0;  ///< so many of the shape's kept members began by the end of the text
  };
  /// Where a kept member stands, in bytes before the end of its step's text.
  struct KeptAt {
    uint32_t name, name_size, value;
  };
  struct Shape {
    std::vector<Step> steps;
    std::vector<KeptAt> kept;
    std::vector<int> absent;  ///< slots without a value
    uint32_t hits = 0;
  };
  class Learner;

  bool read(const Shape& shape, std::string_view record, Slot* slots, std::vector<KeptMember>& kept) const;

  static constexpr size_t shapes_max = 4;
  const PathTree& tree_;
  const bool keep_;
  std::vector<Shape> shapes_;
  size_t last_ = 0;    ///< the shape of the record before
  size_t oldest_ = 0;  ///< the next to be replaced
  int trust_ = 16;     ///< whether trying pays: grows with hits, falls with misses
  uint32_t untried_ = 0;
  uint32_t wait_ = 0, unlearned_ = 0;  ///< misses between two lessons
};

}  // namespace tamis::transforms

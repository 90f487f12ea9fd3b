// One field of a stored window as text: a line that says what it is, then the partial's bytes.
//   s <span> <k or f> <run>\n<bytes>      a slice's; k: of a topic, whose offsets never hold other records;
//   f: of anything else c <span> <origin>:<start>+<length>,…;…\n<bytes>   the compacted one and which slices
//   it holds
// Read and written by both partial stores.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "core/records/slice.h"
#include "tasks/windows/partial_store.h"

namespace tamis::windows {

/// Which slices a compacted partial holds: `[start, end)` by origin, adjacent ones joined.
class Coverage {
 public:
  void add(std::string_view slice_name, int64_t span);
  bool holds(std::string_view slice_name, int64_t span) const;
  std::string text() const;
  /// Throws Error when the text is none.
  static Coverage parse(std::string_view text);

 private:
  void add(std::string_view origin, int64_t start, int64_t end);
  std::map<std::string, std::map<int64_t, int64_t>, std::less<>> ranges_;
};

std::string slice_entry(const records::Slice& slice, const std::string& run_id, std::string_view bytes);
std::string compacted_entry(int64_t span, const Coverage& coverage, std::string_view bytes);

struct Entry {
  bool is_compacted = false;
  int64_t span = 0;
  bool is_immutable = false;  ///< its slice can never hold other records
  std::string_view run;
  std::string_view coverage;  ///< Coverage::parse reads it
  std::string_view bytes;
};
/// Views into `text`.  Throws Error when it is corrupt.
Entry parse_entry(std::string_view text);
/// How entries name a run.
std::string run_mark(const std::string& run_id);

}  // namespace tamis::windows

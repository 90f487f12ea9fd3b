// Partials as bytes: a version, the signature of the states, where first and last values came from, then each
// group's key and states.  The same groups in the same order give the same bytes.  Written by WindowSet and
// Merger, read by Merger.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "tasks/windows/bytes.h"
#include "tasks/windows/pool.h"
#include "tasks/windows/state_layout.h"

namespace tamis::windows {

inline constexpr uint8_t partial_version = 1;

/// Begins a partial.  `origins`: of a compacted partial; empty when all is of one slice.
void encode_header(const StateLayout& layout, const std::vector<std::string>& origins, uint64_t groups,
                   std::string& out);
void encode_group(const StateLayout& layout, std::string_view key, const char* state, bool with_origins,
                  std::string& out);

struct PartialHeader {
  std::string_view signature;
  std::vector<std::string> origins;
  uint64_t groups = 0;
};
/// Throws Error for another version or corrupt bytes, as all that reads here does.
PartialHeader decode_header(ByteReader& in);

/// What merging first and last values needs to know: how a partial's origins are numbered by the Merger, and
/// their order.
struct Origins {
  std::vector<uint32_t> numbers;  ///< of the partial being read; empty: all is of `slice`
  uint32_t slice = 0;
  const std::vector<std::string>* names = nullptr;
};

/// Reads one unit's state and adds it to `group`.
void merge_unit(const Unit& unit, ByteReader& in, char* group, Pool& pool, const Origins& origins);

/// Group keys: a byte that says whether there is a value, then the value.  Each writes to `out`, where there
/// must be room (for a text 11 bytes more than it has, else 9), and returns the end of what it wrote.
char* put_group(char* out, std::string_view text);
char* put_group(char* out, int64_t number);
char* put_group_boolean(char* out, bool value);
char* put_group_null(char* out);
/// One part of a key, read in the order of the groups; the members used are those of the type.
struct GroupValue {
  bool is_null = true;
  int64_t number = 0;  ///< long, timestamp, a boolean, the bits of a double
  std::string_view text;
};
GroupValue read_group(ByteReader& key, records::Type type);

}  // namespace tamis::windows

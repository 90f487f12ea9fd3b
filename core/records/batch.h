// Typed rows on their way through transforms: columns of values, one state a row, rejections beside them.
// Written for speed: nothing here allocates per row once its vectors have grown, and batches are used again.
#pragma once
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/time.h"
#include "core/records/record.h"

namespace tamis::records {

enum class Type : uint8_t { keyword, long_, double_, boolean, timestamp };
std::string_view type_name(Type type);  ///< as in DAG files: keyword, long, double, boolean, timestamp

/// One field of all rows.  Only the vector of its type is used: `longs` for long, timestamp (microseconds
/// since 1970, UTC) and boolean (0 or 1), `doubles`, `texts`.  Values of rows that are null or not live are
/// unspecified.
struct Column {
  Type type = Type::keyword;
  std::vector<uint8_t> valid;  ///< 0: null
  std::vector<int64_t> longs;
  std::vector<double> doubles;
  std::vector<std::string_view> texts;
  void resize(Type of_type, size_t rows);
};

/// Memory for texts that a transform made; freed all at once with the batch.
class Arena {
 public:
  char* allocate(size_t bytes);
  std::string_view copy(std::string_view text);
  void clear();

 private:
  struct Block {
    std::unique_ptr<char[]> bytes;
    size_t size = 0;
  };
  std::vector<Block> blocks_;
  size_t block_ = 0, used_ = 0;
};

enum class RowState : uint8_t { live, filtered, duplicate, rejected };

/// Why a record was rejected; the words stand in documents and accounts (PIPELINE §3, §6).
enum class Reason : uint8_t {
  too_large,
  malformed_json,
  malformed_csv,
  not_an_object,
  missing_field,
  null_field,
  wrong_type,
  bad_timestamp,
  out_of_range,
  not_in_enum,
  too_long,
  pattern_mismatch,
  late,
  sink_refused
};
inline constexpr size_t reason_count = static_cast<size_t>(Reason::sink_refused) + 1;
std::string_view reason_name(Reason reason);

struct Rejection {
  uint32_t row = 0;
  Reason reason = Reason::malformed_json;
  std::string field;    ///< empty where none is to blame
  std::string message;  ///< for people
};

/// The fields of rows at some point of the pipeline: names with the column that holds each.  Fixed when a
/// task is compiled.
struct Layout {
  struct Field {
    std::string name;
    Type type = Type::keyword;
    uint32_t column = 0;
  };
  std::vector<Field> fields;
  const Field* find(std::string_view name) const;
};

struct Batch {
  RecordBatch input;
  std::vector<Column> columns;  ///< by column number; a Layout says which are fields
  std::vector<RowState> state;  ///< one a record of `input`
  std::vector<base::Instant> event_time;
  std::vector<uint8_t> passed;   ///< the record passed its field checks (it moves the watermark)
  std::vector<uint16_t> nulled;  ///< values that on_invalid made null
  /// With `unknown_fields: keep` one a record, else empty: `"a":1,"b":[2]`, without line ends, every name once
  /// in its shortest escapes.  Names that the document gives itself may be among them: put them in with
  /// append_members (members.h).
  std::vector<std::string_view> unknown;
  std::vector<Rejection> rejections;  ///< in the order of rows
  /// One list for each deduplicate of the pipeline: its keys' hash of every row, made by prepare(); empty until then.
  std::vector<std::vector<std::array<uint64_t, 2>>> key_hashes;
  Arena arena;
  uint64_t sequence = 0;  ///< 0, 1, … within the slice

  size_t size() const { return input.records.size(); }
  void reject(uint32_t row, Reason reason, std::string field, std::string message) {
    state[row] = RowState::rejected;
    rejections.push_back({row, reason, std::move(field), std::move(message)});
  }
  /// Forgets the rows, keeps the memory.
  void clear();
};

}  // namespace tamis::records

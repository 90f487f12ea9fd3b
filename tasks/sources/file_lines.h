// The records of a file one after the other, in memory of a bounded size.  Used by the files source's
// readers.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/compression_stream.h"
#include "core/records/record.h"

namespace tamis::sources {

/// Longer records are cut off here: they are larger than any `max_record_bytes`, so that they are rejected as
/// too large.
inline constexpr size_t longest_record = (64 << 20) + 1;

/// A piece of a file in memory.  Batches hold those that their records point into.
struct FileBlock {
  explicit FileBlock(size_t bytes)
      : text(std::make_unique_for_overwrite<char[]>(bytes + records::padding)), size(bytes) {}
  std::unique_ptr<char[]> text;
  size_t size;
};

struct FileRecord {
  std::string_view text;  ///< in the block that was current when it was read
  int64_t offset = 0;     ///< of its first byte
  int64_t line = 0;       ///< in which it begins, from 1
};

/// A window on the file that moves on: what lies in it from a mark on stays in one piece.
class FileWindow {
 public:
  /// Reads plain files from `offset` on, up to `limit` (compressed ones: all).  Throws UserError as
  /// FileStream does.
  FileWindow(const std::string& path, int64_t offset, std::optional<int64_t> limit);

  /// The bytes from the mark on that were read so far.
  std::string_view text() const { return {block_->text.get() + mark_, filled_ - mark_}; }
  /// Reads more behind them; false at the end.  May move them into another block.
  bool more();
  /// Moves the mark on by `bytes`.
  void skip(size_t bytes) {
    mark_ += bytes;
    offset_ += static_cast<int64_t>(bytes);
  }
  int64_t offset() const { return offset_; }  ///< of the mark
  const std::shared_ptr<FileBlock>& block() const { return block_; }

 private:
  base::FileStream stream_;
  int64_t left_;
  std::shared_ptr<FileBlock> block_;
  size_t mark_ = 0, filled_ = 0;
  int64_t offset_;
};

/// What hands over the records of one kind of file.
class RecordCutter {
 public:
  virtual ~RecordCutter() = default;
  /// The next record, or false at the end.
  virtual bool next(FileRecord& record) = 0;
  /// What the record that was last handed over points into.
  virtual const std::shared_ptr<FileBlock>& block() const = 0;
};

/// Lines that are not blank, without CR and a byte-order mark.
class LineCutter : public RecordCutter {
 public:
  /// From the line that begins at or after `offset`, up to the last that begins before `end`. `lines_before`:
  /// how many line ends stand before `offset`.
  LineCutter(const std::string& path, int64_t offset, int64_t end, std::optional<int64_t> limit,
             int64_t lines_before);
  bool next(FileRecord& record) override;
  const std::shared_ptr<FileBlock>& block() const override { return held_; }

 private:
  /// Moves past the next line end; false when there is none.
  bool skip_line();

  FileWindow window_;
  std::shared_ptr<FileBlock> held_;
  const int64_t end_;
  int64_t line_;
};

/// The elements of one JSON array, or one object.  Throws UserError when the file is neither.
class ArrayCutter : public RecordCutter {
 public:
  explicit ArrayCutter(const std::string& path);
  bool next(FileRecord& record) override;
  const std::shared_ptr<FileBlock>& block() const override { return held_; }

 private:
  [[noreturn]] void fail(const std::string& why) const;
  /// The next byte that is no space, or -1 at the end.
  int peek();
  void element(FileRecord& record);

  const std::string path_;
  FileWindow window_;
  std::shared_ptr<FileBlock> held_;
  int64_t line_ = 1;
  enum class At { beginning, first, following, finished } at_ = At::beginning;
};

/// Where to begin so that up to `count` lines that are not blank come before `start`, and how many line ends
/// stand before.
struct LinesBefore {
  int64_t offset = 0;
  int64_t lines = 0;
};
/// `lines`: how many line ends stand before `start`.  Reads the plain file backwards.
LinesBefore lines_before(const std::string& path, int64_t start, int64_t lines, int64_t count);

}  // namespace tamis::sources

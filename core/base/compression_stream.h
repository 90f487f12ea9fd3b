// A file's bytes as a stream, decompressed when it is gzip or zstd, whatever its name says.  Called by the
// files source.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tamis::base {

enum class Encoding { plain, gzip, zstd };

/// What the first bytes of a file say (four are enough).
Encoding encoding_of(std::string_view first_bytes);
/// Opens the file to look.  Throws UserError when it can't be read.
Encoding encoding_of_file(const std::string& path);

/// Reads a file from the beginning (plain ones from `offset`).  Needs memory for a buffer only, whatever the
/// file holds. Used by one thread at a time.
class FileStream {
 public:
  /// Throws UserError when the file can't be opened.
  explicit FileStream(const std::string& path, int64_t offset = 0);
  ~FileStream();
  FileStream(const FileStream&) = delete;
  FileStream& operator=(const FileStream&) = delete;

  /// Reads up to `size` bytes, fewer only at the end.  Throws UserError for damaged or cut off compressed
  /// bytes, TransientError when the disk fails.
  size_t read(char* to, size_t size);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::base

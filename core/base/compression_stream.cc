#include "core/base/compression_stream.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "core/base/error.h"

namespace tamis::base {
namespace {

constexpr size_t buffer_bytes = 256 << 10;

int open_file(const std::string& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw UserError("the file \"{}\" can't be read: {}", path, std::strerror(errno));
  return file;
}

}  // namespace

Encoding encoding_of(std::string_view first_bytes) {
  if (first_bytes.starts_with("\x1f\x8b")) return Encoding::gzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd")) return Encoding::zstd;
  return Encoding::plain;
}

struct FileStream::State {
  explicit State(std::string of) : path(std::move(of)), file(open_file(path)) {}
  ~State() {
    if (encoding == Encoding::gzip) inflateEnd(&gzip);
    ZSTD_freeDCtx(zstd);
    close(file);
  }

  size_t read_file(char* to, size_t size) {
    size_t done = 0;
    while (done < size) {
      const ssize_t n = ::read(file, to + done, size - done);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0 && errno == EISDIR) throw UserError("\"{}\" is a folder, not a file", path);
      if (n < 0) throw TransientError("reading \"{}\" failed: {}", path, std::strerror(errno));
      if (n == 0) break;
      done += static_cast<size_t>(n);
    }
    return done;
  }

  /// Makes sure that there are compressed bytes; false at the file's end.
  bool fill() {
    if (at < filled) return true;
    at = 0;
    filled = read_file(buffer.data(), buffer.size());
    return filled > 0;
  }

  [[noreturn]] void damaged(const char* why) const {
    throw UserError("the compressed file \"{}\" is damaged: {}", path, why);
  }

  size_t read_gzip(char* to, size_t size) {
    size_t done = 0;
    while (done < size && !ended) {
      if (!fill()) {
        if (!between) damaged("it ends too early");
        ended = true;
        break;
      }
      if (between) {
        // Members follow one another; zeros after the last one are padding.
        if (buffer[at] == 0 && members > 0) {
          ++at;
          continue;
        }
        if (inflateReset(&gzip) != Z_OK) damaged("it can't be read");
        between = false;
      }
      gzip.next_in = reinterpret_cast<Bytef*>(buffer.data() + at);
      gzip.avail_in = static_cast<uInt>(filled - at);
      gzip.next_out = reinterpret_cast<Bytef*>(to + done);
      gzip.avail_out = static_cast<uInt>(std::min<size_t>(size - done, 1 << 30));
      const uInt room = gzip.avail_out;
      const int result = inflate(&gzip, Z_NO_FLUSH);
      at = filled - gzip.avail_in;
      done += room - gzip.avail_out;
      if (result == Z_STREAM_END) {
        between = true;
        ++members;
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        damaged(gzip.msg != nullptr ? gzip.msg : "it can't be read");
      }
    }
    return done;
  }

  size_t read_zstd(char* to, size_t size) {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos < out.size) {
      const bool more = fill();
      if (!more && between) break;
      ZSTD_inBuffer in{buffer.data(), filled, at};
      const size_t before = out.pos;
      const size_t left = ZSTD_decompressStream(zstd, &out, &in);
      at = in.pos;
      if (ZSTD_isError(left)) damaged(ZSTD_getErrorName(left));
      between = left == 0;
      if (!more && !between && out.pos == before) damaged("it ends too early");
    }
    return out.pos;
  }

  std::string path;
  int file;
  Encoding encoding = Encoding::plain;
  std::vector<char> buffer;
  size_t at = 0, filled = 0;
  bool between = true;  ///< before, between or after members or frames
  bool ended = false;
  int members = 0;
  z_stream gzip{};
  ZSTD_DCtx* zstd = nullptr;
};

FileStream::FileStream(const std::string& path, int64_t offset) : state_(std::make_unique<State>(path)) {
  char first[4];
  const Encoding encoding = encoding_of({first, state_->read_file(first, sizeof first)});
  if (encoding != Encoding::plain) {
    offset = 0;
    state_->buffer.resize(buffer_bytes);
    if (encoding == Encoding::zstd)
      state_->zstd = ZSTD_createDCtx();
    else if (inflateInit2(&state_->gzip, 15 + 16) != Z_OK)
      throw Error("zlib can't start");
    state_->encoding = encoding;
  }
  if (lseek(state_->file, offset, SEEK_SET) < 0)
    throw UserError("\"{}\" can't be read from byte {}: {}", path, offset, std::strerror(errno));
}

FileStream::~FileStream() = default;

size_t FileStream::read(char* to, size_t size) {
  switch (state_->encoding) {
    case Encoding::gzip:
      return state_->read_gzip(to, size);
    case Encoding::zstd:
      return state_->read_zstd(to, size);
    case Encoding::plain:
      break;
  }
  return state_->read_file(to, size);
}

Encoding encoding_of_file(const std::string& path) {
  const int file = open_file(path);
  char first[4];
  const ssize_t n = read(file, first, sizeof first);
  close(file);
  if (n < 0) throw UserError("the file \"{}\" can't be read: {}", path, std::strerror(errno));
  return encoding_of({first, static_cast<size_t>(n)});
}

}  // namespace tamis::base

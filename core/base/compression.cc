#include "core/base/compression.h"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <memory>

#include "core/base/error.h"

namespace tamis::base {
namespace {

constexpr size_t chunk = 64 << 10;

}  // namespace

std::string zlib_compress(std::string_view bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  if (compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
               static_cast<uLong>(bytes.size())) != Z_OK)
    throw Error("zlib can't compress {} bytes", bytes.size());
  out.resize(size);
  return out;
}

std::string gzip_compress(std::string_view bytes, int level) {
  z_stream stream{};
  // 16 more than the greatest window: gzip.
  if (deflateInit2(&stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw Error("zlib can't start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, deflateEnd);
  std::string out(deflateBound(&stream, static_cast<uLong>(bytes.size())), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw Error("zlib can't compress {} bytes", bytes.size());
  out.resize(stream.total_out);
  return out;
}

std::string zlib_decompress(std::string_view bytes, size_t max_bytes) {
  z_stream stream{};
  // 32 more than the greatest window: zlib or gzip, as the header says.
  if (inflateInit2(&stream, 15 + 32) != Z_OK) throw Error("zlib can't start");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  for (int state = Z_OK; state != Z_STREAM_END;) {
    const auto used = out.size();
    if (used > max_bytes) throw UserError("compressed bytes become more than {}", max_bytes);
    out.resize(used + chunk);
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + used);
    stream.avail_out = static_cast<uInt>(chunk);
    state = inflate(&stream, Z_NO_FLUSH);
    out.resize(used + chunk - stream.avail_out);
    if (state != Z_STREAM_END && (state != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)))
      throw UserError("compressed bytes are damaged: {}",
                      stream.msg != nullptr ? stream.msg : "they end too early");
  }
  if (out.size() > max_bytes) throw UserError("compressed bytes become more than {}", max_bytes);
  return out;
}

std::string zstd_decompress(std::string_view bytes, size_t max_bytes) {
  const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(), ZSTD_freeDCtx);
  std::string out;
  ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
  for (size_t left = 1; left != 0;) {
    const auto used = out.size();
    if (used > max_bytes) throw UserError("compressed bytes become more than {}", max_bytes);
    out.resize(used + chunk);
    ZSTD_outBuffer to{out.data() + used, chunk, 0};
    left = ZSTD_decompressStream(context.get(), &to, &in);
    out.resize(used + to.pos);
    if (ZSTD_isError(left) != 0) throw UserError("compressed bytes are damaged: {}", ZSTD_getErrorName(left));
    if (left != 0 && in.pos == in.size && to.pos < chunk)
      throw UserError("compressed bytes are damaged: they end too early");
  }
  if (out.size() > max_bytes) throw UserError("compressed bytes become more than {}", max_bytes);
  return out;
}

}  // namespace tamis::base

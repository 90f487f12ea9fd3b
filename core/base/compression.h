// Compressed bytes, with a bound on what may come out: a few bytes from outside must not fill the memory.
#pragma once
#include <string>
#include <string_view>

namespace tamis::base {

/// RFC 1950, as Python's zlib.compress writes it (level 6).
std::string zlib_compress(std::string_view bytes);
/// A gzip file (RFC 1952) of one member; level 1 is the fastest, 9 the smallest.
std::string gzip_compress(std::string_view bytes, int level);
/// Throws UserError when the bytes are damaged or would become more than `max_bytes`.  Reads zlib and gzip.
std::string zlib_decompress(std::string_view bytes, size_t max_bytes);
/// The same for zstd frames.
std::string zstd_decompress(std::string_view bytes, size_t max_bytes);

}  // namespace tamis::base

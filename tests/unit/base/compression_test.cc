#include "core/base/compression.h"

#include <gtest/gtest.h>

#include "core/base/error.h"
#include "core/base/sha1.h"

namespace tamis::base {
namespace {

TEST(Compression, ZlibGoesBothWays) {
  for (const size_t size : {size_t{0}, size_t{1}, size_t{65'536}, size_t{1'000'000}}) {
    std::string bytes;
    for (size_t i = 0; i < size; ++i) bytes += static_cast<char>(i * i >> 3);
    EXPECT_EQ(zlib_decompress(zlib_compress(bytes), size), bytes);
  }
}

TEST(Compression, ReadsGzipAndZstd) {
  // printf hello | gzip -n, and zstd -c
  const std::string gzip("\x1f\x8b\x08\0\0\0\0\0\0\x03\xcb\x48\xcd\xc9\xc9\x07\0\x86\xa6\x10\x36\x05\0\0\0",
                         25);
  EXPECT_EQ(zlib_decompress(gzip, 100), "hello");
  const std::string zstd("\x28\xb5\x2f\xfd\x20\x05\x29\0\0hello", 14);
  EXPECT_EQ(zstd_decompress(zstd, 100), "hello");
}

TEST(Compression, RefusesWhatIsDamagedOrBecomesTooLarge) {
  const auto good = zlib_compress(std::string(100'000, 'x'));
  EXPECT_LT(good.size(), 1000u);
  EXPECT_THROW(zlib_decompress(good, 99'999), UserError);
  EXPECT_THROW(zlib_decompress(good.substr(0, good.size() / 2), 1'000'000), UserError);
  EXPECT_THROW(zlib_decompress("nonsense", 100), UserError);
  EXPECT_THROW(zlib_decompress("", 100), UserError);
  EXPECT_THROW(zstd_decompress("nonsense", 100), UserError);
  EXPECT_THROW(zstd_decompress("", 100), UserError);
  EXPECT_THROW(zstd_decompress(std::string_view("\x28\xb5\x2f\xfd\x20\x05\x29\0\0he", 11), 100), UserError);
}

TEST(Sha1, IsTheKnownOne) {
  EXPECT_EQ(sha1_hex("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(sha1_hex(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

}  // namespace
}  // namespace tamis::base

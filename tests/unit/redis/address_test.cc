#include "core/redis/address.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/error.h"

namespace tamis::redis {
namespace {

std::string error_of(const std::string& url) {
  try {
    parse_address(url);
  } catch (const base::UserError& error) {
    return error.what();
  }
  return "";
}

TEST(Address, ReadsHostPortAndDatabase) {
  const auto a = parse_address("redis://cache.example:6380/3");
  EXPECT_EQ(a.host, "cache.example");
  EXPECT_EQ(a.port, 6380);
  EXPECT_EQ(a.database, 3);
  EXPECT_EQ(a.text(), "cache.example:6380/3");
}

TEST(Address, HasRedissDefaults) {
  const auto a = parse_address("redis://");
  EXPECT_EQ(a.text(), "127.0.0.1:6379/0");
  EXPECT_EQ(parse_address("redis://h").port, 6379);
}

TEST(Address, ReadsUserAndPasswordPercentDecoded) {
  const auto a = parse_address("redis://etl:p%40ss%2Fw@h:1/2");
  EXPECT_EQ(a.username, "etl");
  EXPECT_EQ(a.password, "p@ss/w");
  EXPECT_EQ(parse_address("redis://:secret@h").password, "secret");
  EXPECT_EQ(a.text(), "h:1/2");
}

TEST(Address, ReadsUnixSocketsInBothSpellings) {
  EXPECT_EQ(parse_address("unix:///run/redis.sock?db=4").path, "/run/redis.sock");
  EXPECT_EQ(parse_address("unix:///run/redis.sock?db=4").database, 4);
  EXPECT_EQ(parse_address("redis+socket:///run/r.sock?virtual_host=5").database, 5);
}

TEST(Address, ReadsIpv6) {
  const auto a = parse_address("redis://[::1]:7000/1");
  EXPECT_EQ(a.host, "::1");
  EXPECT_EQ(a.text(), "[::1]:7000/1");
}

TEST(Address, SaysThatTlsNeedsANewerHiredis) {
  EXPECT_THAT(error_of("rediss://h:1/0"), ::testing::HasSubstr("hiredis 1.0 or newer"));
}

TEST(Address, NeverShowsThePassword) {
  for (const auto* url :
       {"rediss://:secret@h", "redis://u:secret@h:x", "redis://u:secret@h/y", "http://u:secret@h"}) {
    EXPECT_NE(error_of(url), "") << url;
    EXPECT_THAT(error_of(url), ::testing::Not(::testing::HasSubstr("secret"))) << url;
  }
}

TEST(Address, RefusesWhatItCanNotRead) {
  for (const auto* url : {"", "localhost:6379", "redis://h:99999", "redis://h/-1", "unix://relative",
                          "redis://h?color=red", "redis://user@h", "redis://[::1", "sentinel://h:26379"})
    EXPECT_NE(error_of(url), "") << url;
}

}  // namespace
}  // namespace tamis::redis

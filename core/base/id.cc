#include "core/base/id.h"

#include <random>

#include "core/base/hash.h"

namespace tamis::base {
namespace {

std::string as_uuid(std::string hex, char version) {
  hex[12] = version;
  hex[16] = "89ab"[hex[16] & 3];
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" +
         hex.substr(20);
}

}  // namespace

std::string random_uuid() {
  thread_local std::random_device source;
  uint32_t words[4] = {source(), source(), source(), source()};
  return as_uuid(hash128_hex({reinterpret_cast<const char*>(words), sizeof words}), '4');
}

std::string derived_uuid(std::string_view name) {
  return as_uuid(hash128_hex(name), '8');
}

}  // namespace tamis::base

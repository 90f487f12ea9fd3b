#include "tasks/pipeline/json_text.h"

namespace tamis::pipeline {
namespace {

/// How long the UTF-8 sequence at `at` is; 0 when there is none.
size_t sequence_size(std::string_view bytes, size_t at) {
  const auto byte = [&](size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0u; };
  const unsigned first = byte(at);
  if (first < 0x80) return 1;
  const auto is_next = [&](size_t i) { return (byte(i) & 0xC0) == 0x80; };
  if (first >= 0xC2 && first <= 0xDF) return is_next(at + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    if (!is_next(at + 1) || !is_next(at + 2)) return 0;
    if (first == 0xE0 && byte(at + 1) < 0xA0) return 0;
    if (first == 0xED && byte(at + 1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    if (!is_next(at + 1) || !is_next(at + 2) || !is_next(at + 3)) return 0;
    if (first == 0xF0 && byte(at + 1) < 0x90) return 0;
    if (first == 0xF4 && byte(at + 1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

bool is_utf8(std::string_view bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = sequence_size(bytes, at);
    if (size == 0) return false;
    at += size;
  }
  return true;
}

std::string as_utf8(std::string_view bytes) {
  std::string out;
  for (size_t at = 0; at < bytes.size();) {
    const size_t size = sequence_size(bytes, at);
    if (size == 0)
      out += "\xEF\xBF\xBD";
    else
      out.append(bytes, at, size);
    at += size == 0 ? 1 : size;
  }
  return out;
}

std::string base64(std::string_view bytes) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t three = static_cast<uint32_t>(static_cast<unsigned char>(bytes[i])) << 16;
    if (i + 1 < bytes.size()) three |= static_cast<uint32_t>(static_cast<unsigned char>(bytes[i + 1])) << 8;
    if (i + 2 < bytes.size()) three |= static_cast<unsigned char>(bytes[i + 2]);
    out += letters[three >> 18];
    out += letters[(three >> 12) & 63];
    out += i + 1 < bytes.size() ? letters[(three >> 6) & 63] : '=';
    out += i + 2 < bytes.size() ? letters[three & 63] : '=';
  }
  return out;
}

}  // namespace tamis::pipeline

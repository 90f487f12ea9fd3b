#include "core/records/members.h"

#include <algorithm>

namespace tamis::records {
namespace {

/// The place after the string that begins at `at`.
size_t after_string(std::string_view text, size_t at) {
  for (++at; at < text.size() && text[at] != '"'; ++at)
    if (text[at] == '\\') ++at;
  return at + 1;
}

}  // namespace

bool is_taken(std::string_view name, const std::vector<std::string>& taken) {
  return std::find(taken.begin(), taken.end(), name) != taken.end();
}

void append_members(std::string_view members, const std::vector<std::string>& taken, std::string& out) {
  size_t at = 0;
  while (at < members.size()) {
    const size_t begin = at;
    at = after_string(members, at);
    const std::string_view name = members.substr(begin + 1, at - begin - 2);
    int depth = 0;
    while (at < members.size() && (depth > 0 || members[at] != ',')) {
      const char c = members[at];
      if (c == '"') {
        at = after_string(members, at);
        continue;
      }
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++at;
    }
    if (!is_taken(name, taken)) {
      out += ',';
      out += members.substr(begin, at - begin);
    }
    ++at;
  }
}

}  // namespace tamis::records

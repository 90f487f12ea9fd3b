// Reads the members of a document's body without building values: called by sinks that store members one by
// one.  Bodies are valid JSON objects, made by the pipeline; of anything else the members read are arbitrary,
// but reading ends.
#pragma once
#include <string>
#include <string_view>

namespace tamis::sinks {

/// The top-level members of an object, in their order.
class BodyMembers {
 public:
  explicit BodyMembers(std::string_view body);
  /// Moves to the next member; false at the end.
  bool next();
  std::string_view name() const { return name_; }    ///< as written, without quotes
  std::string_view value() const { return value_; }  ///< as written

 private:
  void skip_spaces();
  std::string_view string();
  void skip_value();
  std::string_view body_;
  std::string_view name_, value_;
  size_t at_ = 0;
};

/// What a JSON string stands for; `written` is without its quotes.
std::string unescape(std::string_view written);

/// Appends `text` as a JSON string with quotes; what isn't UTF-8 is replaced.
void append_json_string(std::string_view text, std::string& out);

}  // namespace tamis::sinks

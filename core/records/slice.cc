#include "core/records/slice.h"

namespace tamis::records {

std::string Slice::name() const {
  if (position.contains("topic"))
    return position["topic"].get<std::string>() + "-" + std::to_string(position["partition"].get<int64_t>()) +
           "-" + std::to_string(position["start"].get<int64_t>());
  const std::string place =
      position.contains("file") ? position["file"].get<std::string>() : position.value("kind", "slice");
  return place + "-" + std::to_string(position.value("start", int64_t{0}));
}

int64_t Slice::span() const {
  return position.value("end", int64_t{0}) - position.value("start", int64_t{0});
}

base::Json Slice::shown() const {
  base::Json out = base::Json::object();
  for (const auto& [key, value] : position.items())
    if (!key.starts_with("_")) out[key] = value;
  return out;
}

}  // namespace tamis::records

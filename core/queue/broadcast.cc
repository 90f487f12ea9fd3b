#include "core/queue/broadcast.h"

#include "core/base/error.h"
#include "core/base/id.h"
#include "core/queue/base64.h"
#include "core/queue/python_json.h"

namespace tamis::queue {

using base::Json;

std::string broadcast_channel(const redis::Client& redis, std::string_view exchange,
                              std::string_view routing_key) {
  auto name = "/" + std::to_string(redis.database()) + "." + std::string(exchange);
  if (!routing_key.empty()) name += "/" + std::string(routing_key);
  return redis.key(name);
}

std::string encode_broadcast(const Json& body, const Json& headers, std::string_view exchange,
                             std::string_view routing_key, int delivery_mode) {
  const Json envelope = {{"body", base64_encode(python_dumps(body))},
                         {"content-encoding", "utf-8"},
                         {"content-type", "application/json"},
                         {"headers", headers},
                         {"properties",
                          {{"delivery_mode", delivery_mode},
                           {"delivery_info", {{"exchange", exchange}, {"routing_key", routing_key}}},
                           {"priority", 0},
                           {"body_encoding", "base64"},
                           {"delivery_tag", base::random_uuid()}}}};
  return python_dumps(envelope);
}

std::optional<Json> decode_broadcast(std::string_view envelope) {
  try {
    const auto json = python_loads(envelope, "the broadcast");
    if (!json.is_object() || !json.contains("body") || !json["body"].is_string()) return std::nullopt;
    std::string body = json["body"];
    if (json.contains("properties") && json["properties"].is_object() &&
        json["properties"].value("body_encoding", "") == "base64") {
      auto decoded = base64_decode(body);
      if (!decoded) return std::nullopt;
      body = std::move(*decoded);
    }
    return python_loads(body, "the broadcast's body");
  } catch (const base::UserError&) {
    return std::nullopt;
  } catch (const Json::exception&) {
    return std::nullopt;
  }
}

}  // namespace tamis::queue

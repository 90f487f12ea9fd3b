// Health, version, metrics and the OpenAPI document.
#include "api/openapi.h"
#include "api/routes.h"
#include "core/base/error.h"
#include "core/base/metrics.h"
#include "core/base/version.h"

namespace tamis::api {
namespace {

using base::Json;

/// A scheduler that has not said that it leads for so long is taken for dead.
constexpr auto scheduler_silence = std::chrono::seconds(30);

Json health_json(Backend& backend) {
  std::string store = "healthy", why;
  std::optional<base::Instant> seen;
  try {
    seen = backend.scheduler_seen();
  } catch (const base::Error& error) {
    store = "unhealthy";
    why = error.what();
  }
  const bool leads = seen && backend.clock() - *seen < scheduler_silence;
  Json json = {
      {"metadatabase", {{"status", store}}},
      {"scheduler",
       {{"status", leads ? "healthy" : "unhealthy"}, {"latest_scheduler_heartbeat", write_instant(seen)}}},
      {"triggerer", {{"status", nullptr}, {"latest_triggerer_heartbeat", nullptr}}}};
  if (!why.empty()) json["metadatabase"]["detail"] = why;
  return json;
}

/// Of this program, as every program of ours answers it: 503 when it can't do its work.
http::Answer own_health(Backend& backend, const Request& request) {
  const Json all = health_json(backend);
  const bool healthy = all["metadatabase"]["status"] == "healthy";
  Json json = {{"status", healthy ? "healthy" : "unhealthy"}};
  for (const auto& [key, value] : all.items()) json[key] = value;
  return request.json(json, healthy ? 200 : 503);
}

}  // namespace

std::vector<Route> health_routes() {
  const auto airflow_health = [](Backend& backend, const Request& request) {
    return request.json(health_json(backend));
  };
  const auto version = [](Backend&, const Request& request) {
    return request.json({{"version", base::version}, {"git_version", nullptr}});
  };
  const auto metrics = [](Backend&, const Request&) {
    return http::Answer{200, "text/plain; version=0.0.4; charset=utf-8", base::metrics_text(), {}};
  };
  const auto document = [](Backend&, const Request&) {
    return http::Answer{200, "application/json", std::string(openapi_document()), {}};
  };
  return {{"GET", "/health", {}, own_health},
          {"GET", "/metrics", {}, metrics},
          {"GET", "/api/v1/health", {}, airflow_health},
          {"GET", "/api/v1/version", {}, version},
          {"GET", "/api/v1/openapi.json", {}, document}};
}

}  // namespace tamis::api

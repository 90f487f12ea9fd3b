// `/workers` and `/queues`: who works, and what waits.
#include <algorithm>

#include "api/routes.h"

namespace tamis::api {
namespace {

using base::Json;

http::Answer workers(Backend& backend, const Request& request) {
  auto all = backend.workers();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  Json rows = Json::array();
  for (const auto& worker : all)
    rows.push_back({{"name", worker.name},
                    {"queues", worker.queues},
                    {"concurrency", worker.concurrency},
                    {"active", worker.active},
                    {"processed", worker.processed},
                    {"started", write_instant(worker.started)},
                    {"last_seen", write_instant(worker.last_seen)},
                    {"version", worker.version},
                    {"status_address", worker.status_address}});
  return request.json({{"workers", rows}, {"total_entries", rows.size()}});
}

http::Answer queues(Backend& backend, const Request& request) {
  auto all = backend.queues();
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  Json rows = Json::array();
  for (const auto& queue : all)
    rows.push_back(
        {{"name", queue.name}, {"depth", queue.depth}, {"held", queue.held}, {"consumers", queue.consumers}});
  return request.json({{"queues", rows}, {"total_entries", rows.size()}});
}

}  // namespace

std::vector<Route> worker_routes() {
  return {{"GET", "/api/v1/workers", {}, workers}, {"GET", "/api/v1/queues", {}, queues}};
}

}  // namespace tamis::api

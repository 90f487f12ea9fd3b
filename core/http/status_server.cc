#include "core/http/status_server.h"

#include "core/base/metrics.h"
#include "core/http/server.h"

namespace tamis::http {

struct StatusServer::State {
  std::unique_ptr<Server> server;
};

StatusServer::StatusServer(const std::string& address, std::function<base::Json()> health)
    : state_(std::make_unique<State>()) {
  if (address.empty()) return;
  Server::Options options;
  options.threads = 2;
  options.max_body = 1024;
  state_->server = std::make_unique<Server>(
      address, "status_address", options, [health = std::move(health)](const Call& call) -> Answer {
        if (call.method != "GET" && call.method != "HEAD")
          return {405, "text/plain", "only GET\n", {{"Allow", "GET, HEAD"}}};
        if (call.path == "/health") {
          const auto answer = health();
          const auto status = answer.find("status");
          const bool healthy = status != answer.end() && *status == "healthy";
          return {healthy ? 200 : 503,
                  "application/json",
                  answer.dump(-1, ' ', false, base::Json::error_handler_t::replace) + "\n",
                  {}};
        }
        if (call.path == "/metrics")
          return {200, "text/plain; version=0.0.4; charset=utf-8", base::metrics_text(), {}};
        return {404, "text/plain", "there are /health and /metrics\n", {}};
      });
}

StatusServer::~StatusServer() = default;

std::string StatusServer::address() const {
  return state_->server ? state_->server->address() : "";
}

}  // namespace tamis::http

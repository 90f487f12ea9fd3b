// The api's server: finds the route of a request, runs it, turns errors into problem documents, counts.
#pragma once
#include <memory>
#include <string>

#include "api/backend.h"
#include "core/http/server.h"

namespace tamis::api {

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";
  bool allow_no_auth = false;  ///< listen beyond this machine though nobody is asked who they are
  size_t threads = 32;         ///< connections served at once
  size_t max_body = 4 << 20;   ///< bytes of a request's body
};

class Server {
 public:
  /// Throws UserError when `listen` is not of this machine without `allow_no_auth`, or is taken.
  Server(ServerOptions options, Backend backend);
  std::string address() const { return server_->address(); }

 private:
  http::Answer answer(const http::Call& call);

  bool only_local_;
  Backend backend_;
  std::unique_ptr<http::Server> server_;
};

}  // namespace tamis::api

// `/health` and `/metrics` for every program.  Used by every main().
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "core/base/json.h"

namespace tamis::http {

class StatusServer {
 public:
  /// Listens on `address` (`127.0.0.1:0` takes a free port; empty: no server).  `health` answers with an
  /// object whose `status` is "healthy" or else (then 503); it must not block.  Throws UserError when the
  /// address is taken.
  StatusServer(const std::string& address, std::function<base::Json()> health);
  ~StatusServer();
  std::string address() const;  ///< host:port it listens on

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tamis::http

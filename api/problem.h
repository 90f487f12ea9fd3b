// Errors as Airflow's API answers them: RFC 7807 with title, detail, status and type.  Thrown by routes,
// written by the server.
#pragma once
#include <fmt/core.h>

#include <stdexcept>
#include <string>

#include "core/base/json.h"
#include "core/http/server.h"

namespace tamis::api {

class Problem : public std::runtime_error {
 public:
  Problem(int status_code, std::string short_title, const std::string& detail,
          base::Json more = base::Json::object());
  int status;
  std::string title;
  base::Json extra;  ///< further members, as `findings`
};

/// `{type, title, status, detail}` and `extra` as application/problem+json.
http::Answer problem_answer(int status, const std::string& title, const std::string& detail,
                            const base::Json& extra = base::Json::object());
/// The usual title of a status.
std::string usual_title(int status);

[[noreturn]] void bad_request(const std::string& detail);
[[noreturn]] void not_found(const std::string& title, const std::string& detail);

}  // namespace tamis::api

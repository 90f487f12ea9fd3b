#include "api/problem.h"

#include <utility>

namespace tamis::api {
namespace {

std::string_view type_word(int status) {
  switch (status) {
    case 400:
    case 413:
    case 414:
    case 415:
      return "BadRequest";
    case 401:
      return "Unauthenticated";
    case 403:
      return "PermissionDenied";
    case 404:
      return "NotFound";
    case 405:
      return "MethodNotAllowed";
    case 406:
      return "NotAcceptable";
    case 409:
      return "AlreadyExists";
    default:
      return "Unknown";
  }
}

}  // namespace

Problem::Problem(int status_code, std::string short_title, const std::string& detail, base::Json more)
    : std::runtime_error(detail),
      status(status_code),
      title(std::move(short_title)),
      extra(std::move(more)) {}

std::string usual_title(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 409:
      return "Conflict";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 503:
      return "Service Unavailable";
    default:
      return "Internal Server Error";
  }
}

http::Answer problem_answer(int status, const std::string& title, const std::string& detail,
                            const base::Json& extra) {
  base::Json body = {{"type", "/api/v1/openapi.json#section/Errors/" + std::string(type_word(status))},
                     {"title", title},
                     {"status", status},
                     {"detail", detail}};
  for (const auto& [key, value] : extra.items()) body[key] = value;
  return {status,
          "application/problem+json",
          body.dump(-1, ' ', false, base::Json::error_handler_t::replace) + "\n",
          {}};
}

void bad_request(const std::string& detail) {
  throw Problem(400, usual_title(400), detail);
}
void not_found(const std::string& title, const std::string& detail) {
  throw Problem(404, title, detail);
}

}  // namespace tamis::api

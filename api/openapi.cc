#include "api/openapi.h"

#include "api/embedded.h"

namespace tamis::api {

std::string_view openapi_document() {
  return embedded::openapi;
}

}  // namespace tamis::api

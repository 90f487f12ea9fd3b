// The OpenAPI document of all routes, embedded in the program.  Written by hand in openapi.json; a test holds
// it to the routes.
#pragma once
#include <string_view>

namespace tamis::api {

std::string_view openapi_document();

}  // namespace tamis::api

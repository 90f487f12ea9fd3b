// Addresses of the real servers that tests/servers starts; tools/test puts them into the environment.
#pragma once
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace tamis::tests {

/// The value of an environment variable, or empty.
inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

/// Without its server a test is skipped; where CI=true it fails.  `address` becomes a std::string in the
/// test.
#define TAMIS_NEEDS(address, variable, script)                            \
  const std::string address = ::tamis::tests::environment(variable);      \
  if (address.empty()) {                                                  \
    if (::tamis::tests::environment("CI") == "true")                      \
      FAIL() << variable " is not set: with CI=true the server must run"; \
    GTEST_SKIP() << "no server: start one with tests/servers/" script     \
                    " DIR and put its address into " variable;            \
  }

#define TAMIS_NEEDS_KAFKA(address) TAMIS_NEEDS(address, "TAMIS_TEST_KAFKA", "start-kafka")
#define TAMIS_NEEDS_ELASTICSEARCH(address) \
  TAMIS_NEEDS(address, "TAMIS_TEST_ELASTICSEARCH", "start-elasticsearch")
#define TAMIS_NEEDS_OPENSEARCH(address) TAMIS_NEEDS(address, "TAMIS_TEST_OPENSEARCH", "start-opensearch")

}  // namespace tamis::tests

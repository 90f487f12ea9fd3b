// Addresses of the real servers that tests/servers starts; tools/test puts them into the environment.
#pragma once
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>
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

/// A server of a test's own, for settings that the shared one doesn't have: started by
/// tests/servers/start-NAME.
class OwnServer {
 public:
  /// `options` go before the folder, `settings` behind its port.
  OwnServer(std::string name, const std::string& options, const std::string& settings)
      : name_(std::move(name)) {
    char folder[] = "/tmp/tamis-server-XXXXXX";
    if (mkdtemp(folder) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = folder;
    const std::string command =
        TAMIS_ROOT "/tests/servers/start-" + name_ + " " + options + " " + folder_ + " 0 " + settings;
    FILE* pipe = popen(command.c_str(), "r");
    char line[256] = {};
    if (pipe != nullptr && fgets(line, sizeof line, pipe) != nullptr) address_ = line;
    if (pipe == nullptr || pclose(pipe) != 0 || address_.empty())
      throw std::runtime_error("could not start: " + command);
    address_.pop_back();
  }
  ~OwnServer() {
    [[maybe_unused]] const int status =
        std::system((TAMIS_ROOT "/tests/servers/stop-" + name_ + " --kill " + folder_).c_str());
    std::filesystem::remove_all(folder_);
  }
  OwnServer(const OwnServer&) = delete;
  OwnServer& operator=(const OwnServer&) = delete;
  const std::string& address() const { return address_; }
  const std::string& folder() const { return folder_; }

 private:
  std::string name_, folder_, address_;
};

}  // namespace tamis::tests

#include "cli/standalone/place.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "core/base/error.h"

namespace tamis::cli {
namespace {

namespace fs = std::filesystem;
using base::Json;

/// What the name of a Unix socket may have, its end included.
constexpr size_t max_socket_path = 107;

}  // namespace

Place::Place(const std::string& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (!fs::is_directory(folder))
    throw base::UserError("--data_dir: can't make the folder \"{}\": {}", folder, error.message());
  folder_ = fs::canonical(folder).string();
  if (redis_socket().size() > max_socket_path)
    throw base::UserError(
        "--data_dir: \"{}\" is too long for Redis' socket in it; choose a path of at most {} bytes", folder_,
        max_socket_path - std::strlen("/redis.sock"));
}

Place::~Place() {
  if (lock_ >= 0) close(lock_);
}

void Place::lock() {
  fs::create_directories(logs());
  fs::create_directories(redis_folder());
  lock_ = open((folder_ + "/standalone.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock_ < 0)
    throw base::UserError("--data_dir: can't write in \"{}\": {}", folder_, std::strerror(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const auto other = state();
    throw base::Conflict(
        "a standalone runs on \"{}\" already{}; `tamis standalone stop --data_dir={}` ends it", folder_,
        other.is_object() ? fmt::format(" (process {})", other.value("pid", 0)) : "", folder_);
  }
}

bool Place::is_taken() const {
  const int fd = open((folder_ + "/standalone.lock").c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0) return false;
  const bool taken = flock(fd, LOCK_EX | LOCK_NB) != 0;
  close(fd);
  return taken;
}

void Place::write_state(const Json& state) const {
  const auto path = folder_ + "/standalone.json";
  std::ofstream(path + ".new") << state.dump(1) << "\n";
  fs::rename(path + ".new", path);
}

Json Place::state() const {
  std::ifstream in(folder_ + "/standalone.json");
  if (!in) return nullptr;
  Json state = Json::parse(in, nullptr, false);
  return state.is_object() ? state : Json();
}

}  // namespace tamis::cli

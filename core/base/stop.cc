#include "core/base/stop.h"

#include <unistd.h>

#include <condition_variable>
#include <csignal>
#include <mutex>
#include <thread>

namespace tamis::base {

std::stop_token stop_on_signals() {
  static std::stop_source source;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  std::thread([set] {
    int signal = 0;
    sigwait(&set, &signal);
    source.request_stop();
    sigwait(&set, &signal);
    _exit(128 + signal);
  }).detach();
  return source.get_token();
}

bool wait_for(const std::stop_token& stop, Duration duration) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_for(lock, stop, duration, [] { return false; });
  return stop.stop_requested();
}

}  // namespace tamis::base

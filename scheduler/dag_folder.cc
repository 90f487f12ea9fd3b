#include "scheduler/dag_folder.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <stop_token>
#include <thread>

#include "core/base/error.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/workflow/dag_file.h"

namespace tamis::scheduler {

namespace fs = std::filesystem;
using workflow::Dag;

namespace {

/// An editor writes a file in several steps; what it leaves is read once.
constexpr int settle_ms = 30;
/// Where the system tells of no changes (network folders), they are found so often.
constexpr int rescan_ms = 5000;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw base::Error("can't read \"{}\"", path.string());
  std::stringstream content;
  content << in.rdbuf();
  return content.str();
}

/// Size and time of last change: enough to know that a file need not be read again.
std::string stamp(const fs::path& path) {
  std::error_code error;
  const auto size = fs::file_size(path, error);
  if (error) return "gone";
  return std::to_string(size) + " " +
         std::to_string(fs::last_write_time(path, error).time_since_epoch().count());
}

struct File {
  std::string stamp;  ///< of the file, the defaults above it and its lookup files
  std::vector<std::shared_ptr<const Dag>> dags;
  std::optional<workflow::ImportError> error;
};

}  // namespace

struct DagFolder::State {
  fs::path folder;
  workflow::OperatorTable operators;
  std::function<void()> on_change;
  std::map<std::string, File> files;
  mutable std::mutex mutex;
  std::shared_ptr<const DagFolderContent> content = std::make_shared<DagFolderContent>();
  int inotify = -1, wake = -1;
  std::jthread thread;

  ~State() {
    thread.request_stop();
    const uint64_t one = 1;
    if (wake >= 0 && write(wake, &one, sizeof one) < 0) base::log_error("DAG folder not woken");
    if (thread.joinable()) thread.join();
    if (inotify >= 0) close(inotify);
    if (wake >= 0) close(wake);
  }

  void watch() {
    if (inotify < 0) return;
    const uint32_t mask = IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ATTRIB;
    inotify_add_watch(inotify, folder.c_str(), mask);
    std::error_code error;
    for (auto at =
             fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error))
      if (at->is_directory(error)) inotify_add_watch(inotify, at->path().c_str(), mask);
  }

  std::vector<fs::path> defaults_above(const fs::path& path) const {
    std::vector<fs::path> out;
    for (fs::path at = path.parent_path();; at = at.parent_path()) {
      if (fs::exists(at / "defaults.yaml")) out.push_back(at / "defaults.yaml");
      if (at == folder || at == at.parent_path()) break;
    }
    std::reverse(out.begin(), out.end());
    return out;
  }

  std::string whole_stamp(const fs::path& path, const std::vector<fs::path>& defaults,
                          const File* former) const {
    std::string text = stamp(path);
    for (const auto& file : defaults) text += "\n" + stamp(file);
    std::set<std::string> lookups;
    if (former != nullptr)
      for (const auto& dag : former->dags)
        for (const auto& file : dag->files) lookups.insert((fs::path(dag->folder) / file).string());
    for (const auto& file : lookups) text += "\n" + file + stamp(file);
    return text;
  }

  File read(const fs::path& path, const std::vector<fs::path>& defaults, const File* former) const {
    File file;
    std::string source, text;
    base::Json all = base::Json::array();
    workflow::DagFile parsed;
    try {
      workflow::DagFileOptions options;
      options.path = path.string();
      options.now = base::now();
      for (const auto& name : defaults) {
        base::Findings findings;
        const auto written = read_file(name);
        const auto node = workflow::parse_defaults(written, operators, findings);
        if (findings.has_errors()) {
          text += findings.text(name.string(), written);
          for (const auto& item : findings.json(name.string())) all.push_back(item);
        } else if (node.is_map()) {
          options.defaults.push_back(node);
        }
      }
      source = read_file(path);
      parsed = workflow::parse_dag_file(source, operators, options);
    } catch (const base::Error& e) {
      text += e.what();
    }
    if (parsed.findings.has_errors()) {
      text += parsed.findings.text(path.string(), source);
      for (const auto& item : parsed.findings.json(path.string())) all.push_back(item);
    }
    for (auto& dag : parsed.dags) file.dags.push_back(std::make_shared<const Dag>(std::move(dag)));
    if (!text.empty()) {
      file.error = workflow::ImportError{path.string(), text, all, base::now()};
      // What was good stays in force until the file is mended.
      if (former != nullptr)
        for (const auto& dag : former->dags)
          if (std::none_of(file.dags.begin(), file.dags.end(),
                           [&](const auto& d) { return d->dag_id == dag->dag_id; }))
            file.dags.push_back(dag);
    }
    return file;
  }

  /// Returns whether anything changed.
  bool scan() {
    std::set<std::string> present;
    bool changed = false;
    std::error_code error;
    for (auto at =
             fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied, error);
         !error && at != fs::recursive_directory_iterator(); at.increment(error)) {
      const auto& path = at->path();
      const auto name = path.filename().string();
      if (name.starts_with(".") && at->is_directory()) at.disable_recursion_pending();
      if ((path.extension() != ".yaml" && path.extension() != ".yml") || name == "defaults.yaml" ||
          name.starts_with("."))
        continue;
      if (std::error_code ignored; !at->is_regular_file(ignored)) continue;
      present.insert(path.string());
      const auto found = files.find(path.string());
      const File* former = found == files.end() ? nullptr : &found->second;
      const auto defaults = defaults_above(path);
      auto now = whole_stamp(path, defaults, former);
      if (former != nullptr && former->stamp == now) continue;
      File file = read(path, defaults, former);
      file.stamp = whole_stamp(path, defaults, &file);
      if (file.error) base::log_warn("DAG file refused", {{"file", path.string()}});
      files.insert_or_assign(path.string(), std::move(file));
      changed = true;
    }
    changed = std::erase_if(files, [&](const auto& entry) { return !present.contains(entry.first); }) > 0 ||
              changed;
    if (changed) publish();
    return changed;
  }

  void publish() {
    auto next = std::make_shared<DagFolderContent>();
    for (const auto& [name, file] : files) {
      auto problem = file.error;
      for (const auto& dag : file.dags) {
        const auto [former, is_new] = next->dags.emplace(dag->dag_id, dag);
        if (is_new) continue;
        if (!problem) problem = workflow::ImportError{name, "", base::Json::array(), base::now()};
        problem->text += fmt::format("{}: DAG \"{}\" is in {} already, which comes first\n", name,
                                     dag->dag_id, former->second->file);
      }
      if (problem) next->errors.push_back(*problem);
    }
    std::lock_guard lock(mutex);
    content = std::move(next);
  }

  void run(const std::stop_token& stop) {
    while (!stop.stop_requested()) {
      std::array<pollfd, 2> waits{pollfd{inotify, POLLIN, 0}, pollfd{wake, POLLIN, 0}};
      const int ready = poll(waits.data(), waits.size(), rescan_ms);
      if (stop.stop_requested()) return;
      if (ready > 0 && inotify >= 0) {
        std::array<char, 65536> buffer;
        do {
          while (::read(inotify, buffer.data(), buffer.size()) > 0) {
          }
        } while (poll(waits.data(), 1, settle_ms) > 0);
        watch();
      }
      try {
        if (scan()) on_change();
      } catch (const std::exception& e) {
        base::log_error("DAG folder not read", {{"error", e.what()}});
      }
    }
  }
};

DagFolder::DagFolder(std::string folder, workflow::OperatorTable operators, std::function<void()> on_change)
    : state_(std::make_unique<State>()) {
  std::error_code error;
  state_->folder = fs::canonical(folder, error);
  if (error || !fs::is_directory(state_->folder))
    throw base::UserError("--dags: there is no folder \"{}\"", folder);
  state_->operators = std::move(operators);
  state_->on_change = std::move(on_change);
  state_->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  state_->wake = eventfd(0, EFD_CLOEXEC);
  state_->watch();
  state_->scan();
  state_->thread = std::jthread([state = state_.get()](const std::stop_token& stop) { state->run(stop); });
}

DagFolder::~DagFolder() = default;

std::shared_ptr<const DagFolderContent> DagFolder::content() const {
  std::lock_guard lock(state_->mutex);
  return state_->content;
}

}  // namespace tamis::scheduler

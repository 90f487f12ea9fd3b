// `/dagSources`: the text of a DAG, its check, and submitting one.
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "api/problem.h"
#include "api/routes.h"
#include "core/base/error.h"
#include "core/base/id.h"
#include "core/base/log.h"

namespace tamis::api {
namespace {

using base::Json;
namespace fs = std::filesystem;

constexpr size_t max_source = 1 << 20;

/// Writes beside the place and renames: a scheduler that watches the folder sees the old text or the new one,
/// nothing between.
void write_atomically(const fs::path& path, const std::string& text) {
  const fs::path beside =
      path.parent_path() / ("." + path.filename().string() + "." + base::random_uuid().substr(0, 8));
  const auto fail = [&](const char* what) {
    const std::string why = std::strerror(errno);
    ::unlink(beside.c_str());
    throw base::TransientError("can't {} \"{}\": {}", what, path.string(), why);
  };
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) fail("write");
  size_t written = 0;
  while (written < text.size()) {
    const auto n = ::write(fd, text.data() + written, text.size() - written);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      ::close(fd);
      fail("write");
    }
    written += static_cast<size_t>(n);
  }
  if (::fsync(fd) != 0 || ::close(fd) != 0) fail("write");
  if (::rename(beside.c_str(), path.c_str()) != 0) fail("replace");
}

/// The findings of a text as a problem when there are errors among them.
CheckedDag checked(Backend& backend, const Request& request, const std::string& file) {
  const auto& text = request.call().body;
  if (text.empty()) bad_request("the body must be the text of a DAG file");
  if (text.size() > max_source)
    throw Problem(413, usual_title(413), fmt::format("a DAG file may have {} bytes", max_source));
  auto result = backend.check_dag(text, file);
  if (!result.findings.has_errors() && result.dag) return result;
  const auto count = result.findings.error_count();
  throw Problem(400, "DAG file has errors",
                count == 0 ? "the file holds no DAG"
                           : fmt::format("{} error{} in the DAG file", count, count == 1 ? "" : "s"),
                {{"findings", result.findings.json(file)}, {"text", result.findings.text(file, text)}});
}

http::Answer submit(Backend& backend, const Request& request) {
  const bool dry_run = request.boolean("dry_run").value_or(false);
  const std::string shown = request.text("filename").value_or("submitted.yaml");
  if (shown.size() > 255 || shown.find('\0') != std::string::npos)
    bad_request("'filename' is too long or no name");
  // Checked as if it lay where it will: relative paths in it start there.
  if (backend.dags_folder.empty() && !dry_run)
    throw Problem(409, "Conflict",
                  "this api has no DAG folder: start tamis-api with --dags, or put the file into the "
                  "scheduler's folder");
  const auto folder = fs::path(backend.dags_folder.empty() ? "." : backend.dags_folder);
  const auto result = checked(backend, request, (folder / fs::path(shown).filename()).string());
  const auto& dag = *result.dag;
  Json answer = {{"dag_id", dag.dag_id},
                 {"version", dag.version},
                 {"findings", result.findings.json(shown)},
                 {"dry_run", dry_run}};
  const fs::path place = folder / (dag.dag_id + ".yaml");
  if (const auto known = backend.store->dag(dag.dag_id)) {
    answer["is_new"] = false;
    std::error_code ignored;
    const auto theirs = fs::weakly_canonical(known->dag.file, ignored),
               ours = fs::weakly_canonical(place, ignored);
    if (theirs.filename() != ours.filename())
      throw Problem(409, "Conflict",
                    fmt::format("the DAG \"{}\" is defined by the file \"{}\" already; change it there or "
                                "choose another dag_id",
                                dag.dag_id, known->dag.file));
  } else {
    answer["is_new"] = true;
  }
  if (dry_run) return request.json(answer);
  write_atomically(place, request.call().body);
  base::log_info("DAG submitted", {{"dag", dag.dag_id}, {"file", place.string()}, {"version", dag.version}});
  answer["fileloc"] = place.string();
  return request.json(answer);
}

http::Answer get(Backend& backend, const Request& request) {
  const auto entry = find_dag(backend, request.at("file_token"));
  const auto accept = request.call().header("accept");
  if (accept.find("application/json") != std::string::npos)
    return request.json({{"content", entry.dag.source}});
  if (accept.empty() || accept.find("text/plain") != std::string::npos ||
      accept.find("*/*") != std::string::npos)
    return {200, "text/plain; charset=utf-8", entry.dag.source, {}};
  throw Problem(406, usual_title(406), "a source is told as text/plain or application/json");
}

}  // namespace

std::vector<Route> dag_source_routes() {
  return {{"POST", "/api/v1/dagSources", {"dry_run", "filename"}, submit},
          {"GET", "/api/v1/dagSources/{file_token}", {}, get}};
}

}  // namespace tamis::api

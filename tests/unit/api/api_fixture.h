// An api on a free port over stores in memory, for the tests of the routes and of the command line.
#pragma once
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>

#include "api/server.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/http/client.h"
#include "core/workflow/dag_file.h"
#include "core/workflow/timetable.h"
#include "tasks/operator_table.h"

namespace tamis {

/// Rows of one table, filtered and paged as stores do.
class FakeReader : public sinks::DataReader {
 public:
  std::map<std::string, std::vector<base::Json>> tables;
  bool is_down = false;
  std::vector<sinks::DataQuery> asked;

  sinks::DataPage read(const sinks::DataQuery& query) override {
    if (is_down) throw base::TransientError("the store is down");
    asked.push_back(query);
    const auto table = tables.find(query.target);
    if (table == tables.end()) throw base::NotFound("there is no table \"{}\"", query.target);
    sinks::DataPage page;
    size_t at = query.cursor.empty() ? 0 : std::stoul(query.cursor);
    for (; at < table->second.size() && page.rows.size() < query.limit; ++at)
      page.rows.push_back(table->second[at]);
    if (at < table->second.size()) page.next_cursor = std::to_string(at);
    page.total = static_cast<int64_t>(table->second.size());
    return page;
  }
  std::vector<std::string> targets() override {
    if (is_down) throw base::TransientError("the store is down");
    std::vector<std::string> names;
    for (const auto& [name, rows] : tables) names.push_back(name);
    return names;
  }
};

class WithApi : public testing::Test {
 protected:
  void SetUp() override {
    folder = std::filesystem::temp_directory_path() /
             ("tamis-api-" + std::to_string(::getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder);
    stores = workflow::make_memory_run_stores();
    store = stores.store;
    reader = std::make_shared<FakeReader>();
    api::Backend backend;
    backend.store = store;
    backend.workers = [] {
      queue::WorkerInfo worker;
      worker.name = "tamis@here-1";
      worker.queues = {"default", "etl"};
      worker.concurrency = 2;
      return std::vector{worker};
    };
    backend.queues = [] { return std::vector{queue::QueueInfo{"etl", 7, 2, 1}}; };
    backend.log = [this](const std::string& id) { return logs[id]; };
    backend.try_id = [](const auto&, const auto& instance, int number) {
      return instance.task_id + "/" + std::to_string(number);
    };
    backend.scheduler_seen = [this]() -> std::optional<base::Instant> {
      if (redis_is_down) throw base::TransientError("no Redis");
      return scheduler_seen;
    };
    backend.check_dag = [](const std::string& text, const std::string& file) {
      auto parsed =
          workflow::parse_dag_file(text, tasks::operator_table(), {.path = file, .defaults = {}, .now = {}});
      api::CheckedDag checked;
      if (!parsed.dags.empty()) checked.dag = parsed.dags.front();
      checked.findings = parsed.findings;
      return checked;
    };
    backend.data = {{"sqlite", reader}};
    backend.leader_patience = std::chrono::milliseconds(300);
    backend.dags_folder = folder.string();
    api::ServerOptions options;
    options.listen = "127.0.0.1:0";
    options.threads = 4;
    options.max_body = 256 << 10;
    server = std::make_unique<api::Server>(options, backend);
  }
  void TearDown() override {
    server.reset();
    std::filesystem::remove_all(folder);
  }

  std::string url() const { return "http://" + server->address(); }

  http::Response ask(const std::string& method, const std::string& path, const std::string& body = "",
                     std::vector<std::string> headers = {}) const {
    http::Request request;
    request.method = method;
    request.url = url() + path;
    request.body = body;
    request.headers = std::move(headers);
    if (!body.empty()) request.headers.emplace_back("Content-Type: application/json");
    return http::fetch(request);
  }
  base::Json get(const std::string& path, int status = 200) const {
    const auto response = ask("GET", path);
    EXPECT_EQ(response.status, status) << path << ": " << response.body << response.error;
    return base::Json::parse(response.body, nullptr, false);
  }
  base::Json post(const std::string& path, const base::Json& body, int status = 200) const {
    const auto response = ask("POST", path, body.dump());
    EXPECT_EQ(response.status, status) << path << ": " << response.body << response.error;
    return base::Json::parse(response.body, nullptr, false);
  }

  /// A DAG of two empty tasks, the second after the first.
  workflow::DagEntry put_dag(const std::string& dag_id, bool paused = false) const {
    const std::string source = "dag_id: " + dag_id +
                               "\nschedule: null\ntasks:\n  - {task_id: a, operator: empty}\n  - {task_id: "
                               "b, operator: empty, depends_on: [a]}\n";
    auto parsed = workflow::parse_dag_file(source, tasks::operator_table(),
                                           {.path = dag_id + ".yaml", .defaults = {}, .now = {}});
    EXPECT_FALSE(parsed.findings.has_errors()) << parsed.findings.text(dag_id, source);
    workflow::DagEntry entry;
    entry.dag = parsed.dags.at(0);
    entry.is_paused = paused;
    store->put_dag(entry);
    if (paused) store->set_paused(dag_id, true);
    return entry;
  }

  workflow::DagRun put_run(const std::string& dag_id, const std::string& run_id, workflow::RunState state,
                           std::vector<workflow::TaskInstance> tasks = {}) const {
    static int made = 0;
    workflow::DagRun run;
    run.dag_id = dag_id;
    run.run_id = run_id;
    run.state = state;
    run.logical_date = base::from_civil(2026, 3, 1, 0, 0, made);
    run.queued_at = base::from_civil(2026, 3, 1, 1, 0, made++);
    run.tasks = std::move(tasks);
    if (auto entry = store->dag(dag_id)) run.dag_version = entry->dag.version;
    store->create(run);
    return run;
  }

  static workflow::TaskInstance slice(int map_index, workflow::TaskState state, base::Json result = {}) {
    workflow::TaskInstance instance;
    instance.task_id = "a";
    instance.map_index = map_index;
    instance.state = state;
    instance.try_number = 1;
    instance.result = std::move(result);
    return instance;
  }

  std::filesystem::path folder;
  workflow::MemoryRunStores stores;
  std::shared_ptr<workflow::RunStore> store;
  std::shared_ptr<FakeReader> reader;
  std::map<std::string, std::vector<std::string>> logs;
  std::optional<base::Instant> scheduler_seen = base::now();
  bool redis_is_down = false;
  std::unique_ptr<api::Server> server;
};

}  // namespace tamis

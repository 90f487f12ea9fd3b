#include "api/flags.h"

#include <gflags/gflags.h>

#include <filesystem>

#include "core/base/error.h"

DEFINE_string(listen, "127.0.0.1:8080", "host:port that the api answers on; port 0 takes a free one");
DEFINE_bool(allow_no_auth, false, "listen beyond this machine though nobody is asked who they are");
DEFINE_int32(api_threads, 32, "connections that the api serves at once");
DEFINE_string(dags, "",
              "the scheduler's folder of DAG files, where submitted ones go; empty: none can be submitted");
DEFINE_string(data, "sqlite:tamis.db,elasticsearch",
              "what /data reads, in this order, separated by commas: elasticsearch, sqlite:<file> (relative "
              "to --data_dir)");

namespace tamis::api {
namespace {

DataStore make_store(const std::string& word, const base::Connections& connections) {
  if (word == "elasticsearch") return {word, sinks::make_elasticsearch_reader(connections.elasticsearch)};
  if (word.starts_with("sqlite:") && word.size() > 7)
    return {"sqlite", sinks::make_sqlite_reader(
                          (std::filesystem::path(connections.data_dir) / word.substr(7)).string())};
  throw base::UserError("--data can't be \"{}\": elasticsearch, sqlite:<file>, or both separated by a comma",
                        word);
}

}  // namespace

Flags read_flags(const base::Connections& connections) {
  Flags flags;
  flags.server.listen = FLAGS_listen;
  flags.server.allow_no_auth = FLAGS_allow_no_auth;
  if (FLAGS_api_threads < 2 || FLAGS_api_threads > 1024)
    throw base::UserError("--api_threads must be between 2 and 1024");
  flags.server.threads = static_cast<size_t>(FLAGS_api_threads);
  flags.dags_folder = FLAGS_dags;
  if (!flags.dags_folder.empty() && !std::filesystem::is_directory(flags.dags_folder))
    throw base::UserError("--dags: \"{}\" is no folder", flags.dags_folder);
  const std::string& words = FLAGS_data;
  for (size_t at = 0; at < words.size();) {
    const size_t comma = std::min(words.find(',', at), words.size());
    if (comma > at) flags.data.push_back(make_store(words.substr(at, comma - at), connections));
    at = comma + 1;
  }
  return flags;
}

}  // namespace tamis::api

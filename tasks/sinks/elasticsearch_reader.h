// Reads documents back from Elasticsearch or OpenSearch, for the api's `/data`.
#pragma once
#include <memory>

#include "tasks/sinks/data_reader.h"
#include "tasks/sinks/elasticsearch_nodes.h"

namespace tamis::sinks {

class ElasticsearchReader : public DataReader {
 public:
  explicit ElasticsearchReader(const base::ElasticsearchConnection& connection);
  DataPage read(const DataQuery& query) override;
  std::vector<std::string> targets() override;

 private:
  ElasticsearchNodes nodes_;
};

}  // namespace tamis::sinks

// Where Redis, Kafka and Elasticsearch are and how to log in: a DAG never holds an address or a password.
// Filled by connections_from_flags() in a main(), passed down as a plain value.
#pragma once
#include <string>

#include "core/base/time.h"

namespace tamis::base {

struct RedisConnection {
  std::string url =
      "redis://127.0.0.1:6379/0";  ///< redis://[user:password@]host:port/db or unix:///path?db=n
  std::string key_prefix;          ///< put before every key, as Celery's global_keyprefix
};

struct KafkaConnection {
  std::string brokers = "127.0.0.1:9092";
  std::string security_protocol = "plaintext";  ///< plaintext, ssl, sasl_plaintext, sasl_ssl
  std::string sasl_mechanism;                   ///< PLAIN, SCRAM-SHA-256, SCRAM-SHA-512
  std::string sasl_username, sasl_password;
  std::string ssl_ca, ssl_certificate, ssl_key, ssl_key_password;
};

struct ElasticsearchConnection {
  std::string url = "http://127.0.0.1:9200";  ///< several nodes separated by commas
  std::string username, password, api_key;
  std::string ca;
  int bulk_bytes = 5 << 20;  ///< a request's body, before compression
  int max_in_flight = 4;     ///< requests at once
  bool gzip = false;
  Duration timeout = std::chrono::seconds(60);  ///< one request
  Duration deadline = std::chrono::minutes(5);  ///< all attempts of one document together
};

struct Connections {
  RedisConnection redis;
  KafkaConnection kafka;
  ElasticsearchConnection elasticsearch;
  std::string data_dir = ".";  ///< relative paths of `sqlite:` and `files:` sinks start here
};

/// Reads the flags that core/base/connections.cc defines.
Connections connections_from_flags();

}  // namespace tamis::base

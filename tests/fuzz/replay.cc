// Feeds a fuzz target the files of a folder, and each of them shortened and with single bytes changed.
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <random>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

void feed(const std::string& text) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: " << argv[0] << " FOLDER\n";
    return 2;
  }
  const unsigned seed = 1;
  std::mt19937 random(seed);
  size_t inputs = 0;
  feed("");
  if (std::filesystem::exists(argv[1]))
    for (const auto& entry : std::filesystem::directory_iterator(argv[1])) {
      std::ifstream in(entry.path(), std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(in), {}};
      feed(text);
      for (int i = 0; i < 200 && !text.empty(); ++i) {
        std::string changed = text.substr(0, i % 3 == 0 ? random() % text.size() : text.size());
        if (!changed.empty()) changed[random() % changed.size()] = static_cast<char>(random());
        feed(changed);
        ++inputs;
      }
    }
  std::cout << inputs << " inputs, seed " << seed << "\n";
  return 0;
}

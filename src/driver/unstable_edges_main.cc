// main() that names the edges that one input takes in some runs but not in others, which AFL++ only
// counts, as "stability". Replaces AFL++'s driver and runtime (preset afl):
//
//   usage: NAME_unstable FOLDER      runs every case of the folder, in several orders
//
// For each edge it prints the source location, and the function that was compiled there if inlining
// makes it a different one (cmake/uncovered.txt can exclude it by name); those that vary most often
// come first.
// ./resprobe stability HARNESS --explain builds and runs it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>
#include <vector>

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv);
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
extern "C" void __sanitizer_symbolize_pc(void* pc, const char* format, char* out, size_t size);

namespace {

constexpr uint32_t kMaxEdges = 1 << 18;
constexpr int kRounds = 6;

uint32_t edge_count = 0;
bool watching = false;
uint8_t counts[kMaxEdges];
void* places[kMaxEdges];

// AFL++ distinguishes counts only by these classes.
uint8_t Class(uint8_t count) {
  for (const int least : {128, 32, 16, 8, 4}) {
    if (count >= least) return static_cast<uint8_t>(least);
  }
  return count;
}

}  // namespace

// The callbacks of -fsanitize-coverage=trace-pc-guard; this file itself is not instrumented.
extern "C" void __sanitizer_cov_trace_pc_guard_init(uint32_t* begin, uint32_t* end) {
  for (uint32_t* guard = begin; guard < end; ++guard) {
    if (*guard == 0 && edge_count + 1 < kMaxEdges) *guard = ++edge_count;
  }
}

extern "C" void __sanitizer_cov_trace_pc_guard(uint32_t* guard) {
  if (!watching) return;
  if (counts[*guard] < 255) ++counts[*guard];
  places[*guard] = __builtin_return_address(0);
}

// The part of AFL++'s runtime that the driver uses, so that it warms up and runs as under AFL++.
extern "C" {
int __afl_persistent_loop(unsigned int) { return 0; }
uint8_t* __afl_area_ptr = counts;
uint32_t __afl_map_size = sizeof(counts);
}

int main(int argc, char** argv) {
  LLVMFuzzerInitialize(&argc, &argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) {
    if (entry.is_regular_file()) paths.push_back(entry.path());
  }
  if (paths.empty()) {
    std::fprintf(stderr, "%s: no cases: name a folder with some\n", argv[1]);
    return 2;
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::vector<uint8_t>> cases;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    cases.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }

  std::vector<std::vector<uint8_t>> first(cases.size());
  std::vector<uint32_t> varied(edge_count + 1);
  std::vector<bool> taken(edge_count + 1);
  for (int round = 0; round < kRounds; ++round) {
    for (size_t k = 0; k < cases.size(); ++k) {
      const size_t i = round % 2 == 0 ? k : cases.size() - 1 - k;
      std::memset(counts, 0, edge_count + 1);
      watching = true;
      LLVMFuzzerTestOneInput(cases[i].data(), cases[i].size());
      watching = false;
      if (round == 0) first[i].resize(edge_count + 1);
      for (uint32_t edge = 1; edge <= edge_count; ++edge) {
        const uint8_t now = Class(counts[edge]);
        if (now != 0) taken[edge] = true;
        if (round == 0) {
          first[i][edge] = now;
        } else if (now != first[i][edge]) {
          ++varied[edge];
        }
      }
    }
  }

  std::vector<uint32_t> unstable;
  for (uint32_t edge = 1; edge <= edge_count; ++edge) {
    if (varied[edge] > 0) unstable.push_back(edge);
  }
  std::sort(unstable.begin(), unstable.end(), [&](uint32_t a, uint32_t b) {
    return std::pair(varied[b], a) < std::pair(varied[a], b);
  });
  for (const uint32_t edge : unstable) {
    // One string for each function inlined there, the innermost first.
    char frames[8192] = {};
    __sanitizer_symbolize_pc(places[edge], "%S %f", frames, sizeof(frames) - 2);
    const char* outermost = frames;
    while (outermost[std::strlen(outermost) + 1] != '\0') outermost += std::strlen(outermost) + 1;
    std::printf("%6u  %s\n", varied[edge], frames);
    if (outermost != frames) std::printf("          in %s\n", outermost);
  }
  const auto total = static_cast<size_t>(std::count(taken.begin(), taken.end(), true));
  std::printf("%zu of %zu edges vary in %d runs of %zu cases: stability %.2f%%\n", unstable.size(),
              total, kRounds, cases.size(),
              100.0 - 100.0 * static_cast<double>(unstable.size()) /
                          static_cast<double>(std::max<size_t>(total, 1)));
  return 0;
}

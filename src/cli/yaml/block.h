#ifndef RESPROBE_CLI_YAML_BLOCK_H_
#define RESPROBE_CLI_YAML_BLOCK_H_

#include <absl/strings/str_format.h>
#include <absl/strings/str_join.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "runner/user_error.h"

// YAML files of which every key is used, or refused with FILE:LINE. For the library that links
// yaml-cpp alone.
namespace resprobe::cli {

// A block of keys. Each key is asked for once; what was not asked for is unknown.
class Block {
 public:
  static constexpr double kMost = 86'400;  // of numbers that are no counts

  Block(std::string file, std::string name, const YAML::Node& node, int line)
      : file_(std::move(file)), name_(std::move(name)), node_(node), line_(line) {
    if (node_.IsDefined() && !node_.IsNull() && !node_.IsMap()) {
      Fail(node_.Mark(), name_ + " must have keys and values");
    }
  }

  bool has(const std::string& key) const {
    return node_.IsDefined() && node_.IsMap() && node_[key].IsDefined();
  }
  // In the order of the file.
  std::vector<std::string> Keys() const {
    std::vector<std::string> keys;
    if (empty()) return keys;
    for (const auto& entry : node_) keys.push_back(entry.first.Scalar());
    return keys;
  }
  bool empty() const { return !node_.IsDefined() || node_.IsNull() || node_.size() == 0; }

  // Missing keys, and those without a value, keep what is in `value`.
  void Get(const std::string& key, bool* value) {
    Read(key, "true or false", value,
         [](const YAML::Node& node, bool* to) { return YAML::convert<bool>::decode(node, *to); });
  }
  void Get(const std::string& key, std::string* value) {
    Read(key, "text", value, [](const YAML::Node& node, std::string* to) {
      *to = node.Scalar();
      return node.IsScalar();
    });
  }
  void Get(const std::string& key, double* value, double least = 0) {
    const std::string what = absl::StrFormat("a number from %g to %g", least, kMost);
    Read(key, what, value, [=](const YAML::Node& node, double* to) {
      return YAML::convert<double>::decode(node, *to) && std::isfinite(*to) && *to >= least &&
             *to <= kMost;
    });
  }
  void Get(const std::string& key, int* value, int least, int most) {
    const std::string what = absl::StrFormat("a whole number from %d to %d", least, most);
    Read(key, what, value, [=](const YAML::Node& node, int* to) {
      return YAML::convert<int>::decode(node, *to) && *to >= least && *to <= most;
    });
  }
  void Get(const std::string& key, std::vector<std::string>* value) {
    Read(key, "a list", value, [](const YAML::Node& node, std::vector<std::string>* to) {
      if (!node.IsSequence()) return false;
      to->clear();
      for (const YAML::Node& one : node) {
        if (!one.IsScalar()) return false;
        to->push_back(one.Scalar());
      }
      return true;
    });
  }
  void GetSeed(const std::string& key, std::optional<uint64_t>* value) {
    uint64_t seed = 0;
    if (!Given(key)) return;
    Read(key, "a whole number", &seed, [](const YAML::Node& node, uint64_t* to) {
      return YAML::convert<uint64_t>::decode(node, *to);
    });
    *value = seed;
  }
  // The number of one of `names`.
  template <class E>
  void GetOne(const std::string& key, const std::vector<std::string>& names, E* value) {
    Read(key, "one of " + absl::StrJoin(names, ", "), value, [&](const YAML::Node& node, E* to) {
      const auto found = node.IsScalar() ? std::ranges::find(names, node.Scalar()) : names.end();
      if (found == names.end()) return false;
      *to = static_cast<E>(found - names.begin());
      return true;
    });
  }
  Block Inner(const std::string& key) {
    asked_.push_back(key);
    const YAML::Node node = has(key) ? node_[key] : YAML::Node(YAML::NodeType::Null);
    return Block(file_, name_.empty() ? key : name_ + "." + key, node, LineOf(node));
  }
  YAML::Node List(const std::string& key) {
    asked_.push_back(key);
    const YAML::Node node = has(key) ? node_[key] : YAML::Node();
    if (!node.IsSequence() || node.size() == 0) {
      Fail(has(key) ? node.Mark() : YAML::Mark::null_mark(),
           Name(key) + " must be a list with one entry at least");
    }
    return node;
  }
  void Need(const std::string& key) const {
    if (!Given(key)) Fail(YAML::Mark::null_mark(), Name(key) + " is missing");
  }
  bool Given(const std::string& key) const { return has(key) && !node_[key].IsNull(); }
  bool Null(const std::string& key) const { return has(key) && node_[key].IsNull(); }

  [[noreturn]] void FailAt(const std::string& key, const std::string& why) const {
    Fail(has(key) ? node_[key].Mark() : YAML::Mark::null_mark(), Name(key) + " " + why);
  }
  // Refuses the keys that have not been asked for, and those that stand twice.
  void End() const {
    if (empty()) return;
    std::vector<std::string> met;
    for (const auto& entry : node_) {
      const YAML::Node& key = entry.first;
      if (std::ranges::find(met, key.Scalar()) != met.end()) {
        Fail(key.Mark(), Name(key.Scalar()) + " is given twice: remove one");
      }
      met.push_back(key.Scalar());
      if (std::ranges::find(asked_, key.Scalar()) != asked_.end()) continue;
      Fail(key.Mark(),
           "there is no key " + Name(key.Scalar()) + ": use " + absl::StrJoin(asked_, ", "));
    }
  }

 private:
  static int LineOf(const YAML::Node& node) { return node.Mark().line + 1; }
  std::string Name(const std::string& key) const { return name_.empty() ? key : name_ + "." + key; }
  [[noreturn]] void Fail(const YAML::Mark& mark, const std::string& why) const {
    const int line = mark.is_null() ? line_ : mark.line + 1;
    throw runner::UserError(file_ + ":" + std::to_string(std::max(line, 1)) + ": " + why);
  }
  template <class T, class Decode>
  void Read(const std::string& key, const std::string& what, T* value, const Decode& decode) {
    asked_.push_back(key);
    if (!Given(key)) return;
    if (!decode(node_[key], value)) Fail(node_[key].Mark(), Name(key) + " must be " + what);
  }

  const std::string file_;
  const std::string name_;
  const YAML::Node node_;
  const int line_;
  std::vector<std::string> asked_;
};

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_YAML_BLOCK_H_

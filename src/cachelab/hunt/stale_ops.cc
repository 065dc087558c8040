#include "cachelab/hunt/stale_ops.h"

#include <signal.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "cachelab/subject/shared_cache.h"
#include "core/table/letter_case.h"

namespace resprobe::cachelab::stale {
namespace {

// The commands of LiveCommands() that read, or those that write, with their names.
struct CommandNames {
  explicit CommandNames(bool read) {
    const std::span<const LiveCommand> all = LiveCommands();
    texts.reserve(all.size());
    for (size_t i = 0; i < all.size(); ++i) {
      if (all[i].read != read) continue;
      indices.push_back(static_cast<int>(i));
      texts.push_back(NameOf(i));
      names.push_back(texts.back());
    }
  }

  static std::string NameOf(size_t index) {
    const std::span<const LiveCommand> all = LiveCommands();
    const LiveCommand& command = all[index];
    std::string name = LowerCase(command.name());
    const bool second =
        std::any_of(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(index),
                    [&](const LiveCommand& c) { return c.name() == command.name(); });
    if (!second) return name;
    // The word after the key: "SADD {key} {member}" is sadd-member.
    std::string_view rest = command.form;
    for (int i = 0; i < 2; ++i) rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
    std::string word = LowerCase(rest.substr(0, rest.find(' ')));
    std::erase_if(word, [](char c) { return c == '{' || c == '}'; });
    return name + "-" + word;
  }

  std::vector<int> indices;
  std::vector<std::string> texts;
  std::vector<std::string_view> names;
};

const CommandNames& Commands(bool read) {
  static const CommandNames kReads(true);
  static const CommandNames kWrites(false);
  return read ? kReads : kWrites;
}

struct Signals {
  Signals() {
    numbers.push_back(SIGKILL);
    for (int signal = 1; signal < NSIG; ++signal) {
      if (signal != SIGKILL && IsKillSignal(signal)) numbers.push_back(signal);
    }
    for (const int signal : numbers) {
      const char* const name = sigabbrev_np(signal);
      texts.push_back("SIG" + (name == nullptr ? std::to_string(signal) : std::string(name)));
    }
    names.assign(texts.begin(), texts.end());
  }

  std::vector<int> numbers;
  std::vector<std::string> texts;
  std::vector<std::string_view> names;
};

const Signals& AllSignals() {
  static const Signals kSignals;
  return kSignals;
}

int Choose(const KeyPlan& keys, int key, bool read, size_t wanted) {
  const std::vector<int>& all = Commands(read).indices;
  const auto fits = [&](int command) {
    return keys.Fits(LiveCommands()[static_cast<size_t>(command)], key, read);
  };
  const int named = all[wanted % all.size()];
  if (fits(named)) return named;
  std::vector<int> fitting;
  std::copy_if(all.begin(), all.end(), std::back_inserter(fitting), fits);
  return fitting[wanted % fitting.size()];
}

size_t PlaceOf(int command, bool read) {
  const std::vector<int>& all = Commands(read).indices;
  return static_cast<size_t>(std::find(all.begin(), all.end(), command) - all.begin()) % all.size();
}

int Within(Number number, int least, int most) {
  return static_cast<int>(std::clamp<int64_t>(number.value, least, most));
}

// The types in the order of LiveTypes().
template <class ConfigType>
auto Types(ConfigType& c) {
  return std::array{&c.string, &c.set, &c.list, &c.hash, &c.zset, &c.stream};
}

}  // namespace

std::span<const std::string_view> EnumNames(ReadCommand) { return Commands(true).names; }
std::span<const std::string_view> EnumNames(WriteCommand) { return Commands(false).names; }
std::span<const std::string_view> EnumNames(KillSignal) { return AllSignals().names; }

int NumberOf(KillSignal signal) {
  const std::vector<int>& all = AllSignals().numbers;
  return all[static_cast<size_t>(signal) % all.size()];
}

KillSignal KillSignalOf(int number) {
  const std::vector<int>& all = AllSignals().numbers;
  const auto place = std::find(all.begin(), all.end(), number) - all.begin();
  return static_cast<KillSignal>(static_cast<size_t>(place) % all.size());
}

bool IsKillSignal(int number) {
  return number > 0 && number < NSIG && number != SIGCHLD && number != SIGCONT &&
         number != SIGURG && number != SIGWINCH && number != SIGPIPE;
}

PoolShape ShapeOf(const Config& config) {
  const int workers = Within(config.workers, 1, kMaxWorkers);
  return {workers, Within(config.writers, 0, std::min(workers, kMaxWriters)), config.tracking};
}

KeyPlan KeysOf(const Config& config) {
  KeyPlan keys;
  keys.keys = Within(config.keys, 1, kMostKeys);
  keys.first_key = Within(config.first_key, 0, INT32_MAX - kMostKeys);
  keys.members = Within(config.members, 1, kMostMembers);
  keys.value_size = Within(config.value_size, 1, kMostValueBytes);
  std::vector<std::string> types;
  size_t i = 0;
  for (const bool* type : Types(config)) {
    if (*type) types.emplace_back(LiveTypes()[i]);
    ++i;
  }
  if (!types.empty()) keys.types = types;
  return keys;
}

void SetKeys(const KeyPlan& keys, Config* config) {
  config->keys.value = std::min(keys.keys, kMostKeys);
  config->first_key.value = keys.first_key;
  config->members.value = keys.members;
  config->value_size.value = keys.value_size;
  size_t i = 0;
  for (bool* type : Types(*config)) {
    *type = keys.types.size() < LiveTypes().size() &&
            std::find(keys.types.begin(), keys.types.end(), LiveTypes()[i]) != keys.types.end();
    ++i;
  }
}

int CommandFor(const KeyPlan& keys, int key, ReadCommand command) {
  return Choose(keys, key, true, static_cast<size_t>(command));
}
int CommandFor(const KeyPlan& keys, int key, WriteCommand command) {
  return Choose(keys, key, false, static_cast<size_t>(command));
}
ReadCommand ReadCommandOf(int command) { return static_cast<ReadCommand>(PlaceOf(command, true)); }
WriteCommand WriteCommandOf(int command) {
  return static_cast<WriteCommand>(PlaceOf(command, false));
}

void NameCommands(const KeyPlan& keys, std::span<Op> ops) {
  for (Op& op : ops) {
    std::visit(
        [&](auto& fields) {
          if constexpr (requires { fields.command; }) {
            const int key = static_cast<int>(fields.key.Of(static_cast<size_t>(keys.keys)));
            const int command = CommandFor(keys, key, fields.command);
            const bool read = LiveCommands()[static_cast<size_t>(command)].read;
            fields.command = static_cast<decltype(fields.command)>(PlaceOf(command, read));
          }
        },
        op);
  }
}

std::string KillOf(std::span<const Op> round) {
  std::string who;
  Failpoint point = Failpoint::kNone;
  for (const Op& op : round) {
    if (const auto* hold = std::get_if<Hold>(&op)) point = hold->point;
    if (const auto* arm = std::get_if<Arm>(&op)) {
      who = EnumNames(KillSignal{})[static_cast<size_t>(arm->signal)];
      point = arm->point;
    }
    if (const auto* kill = std::get_if<KillWorker>(&op)) {
      who = EnumNames(KillSignal{})[static_cast<size_t>(kill->signal)];
    }
    if (std::holds_alternative<KillConnection>(op)) who = "CLIENT KILL";
  }
  if (who.empty()) return "";
  return who + " " + (point == Failpoint::kNone ? "idle" : std::string(FailpointName(point)));
}

}  // namespace resprobe::cachelab::stale

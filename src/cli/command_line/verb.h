#ifndef RESPROBE_CLI_COMMAND_LINE_VERB_H_
#define RESPROBE_CLI_COMMAND_LINE_VERB_H_

#include <concepts>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

// The description of a verb: its name, its options, and the function that runs it. Parsing
// (parse.h), --help (help.h), shell completion (completion.h) and the man page (man_page.h) all
// read this one description.
namespace resprobe::cli {

// What a shell offers for a value that has no fixed choices.
enum class Completion { kNothing, kFile, kFolder, kHarness, kProgram };

// Returns "" if the value is valid, otherwise the error in one line.
using CheckValue = std::function<std::string(const std::string&)>;

// One option, or one positional argument. Verb's functions create it; its own functions refine it.
struct Option {
  // --- Set by Verb.
  std::string name = {};   // "--time"; for a positional argument "HARNESS"
  std::string value = {};  // name of the value in help, "TIME"; empty for a flag
  std::string help = {};
  std::string group = {};  // heading in help; empty: "Options"
  // Whether the value may be given once, as a list ("CASE CASE"), or repeatedly, each with its own
  // option.
  enum class Count { kOnce, kList, kRepeated } count = Count::kOnce;
  std::string initial = {};                                       // value if it is not given
  std::function<void(const std::vector<std::string>&)> set = {};  // may throw UserError

  // --- Set by the functions below.
  std::string short_name = {};            // "-o"
  std::vector<std::string> aliases = {};  // further spellings, accepted but not shown
  std::string fallback = {};              // default that help shows
  std::vector<std::string> choices = {};
  std::vector<std::string> needs = {};     // options that must be given too
  std::vector<std::string> excludes = {};  // options that must not be given too
  std::vector<CheckValue> checks = {};
  Completion completion = Completion::kNothing;
  bool required = false;
  bool hidden = false;                    // accepted but not shown
  std::optional<std::string> alone = {};  // value if the option is given without one
  // What a value must be, as far as ./resprobe can check it before it builds the program: "text"
  // (anything), "word ERROR" (not empty), "address" (HOST:PORT), "choice A|B", "number LEAST MOST",
  // "size LEAST MOST", "seconds", "seconds+" (above 0), "time".
  std::string syntax = "text";

  bool positional() const { return !name.starts_with('-'); }
  bool flag() const { return value.empty() && !positional(); }

  Option& Short(std::string text);
  Option& Alias(std::string text);
  // Shows the default in help: the initial value, or this text.
  Option& ShowDefault();
  Option& ShowDefault(std::string text);
  // Suggests these to a shell; other values are accepted as well. Choice() is for a closed set.
  Option& Offer(std::vector<std::string> texts);
  Option& Needs(std::string option);
  Option& Excludes(std::string option);
  Option& Check(CheckValue check);
  Option& Complete(Completion what);
  Option& Syntax(std::string text);
  // The value must not be blank; otherwise this is the error.
  Option& NotBlank(const std::string& error);
  Option& Required();
  Option& Hide();
  Option& ValueIfAlone(std::string text);
};

struct Example {
  std::string arguments;  // "fuzz resp_parser --time 10s"
  std::string purpose;
};

struct Verb {
  // `summary` is a lower-case phrase without a full stop that fits one line in a list of verbs.
  Verb(std::string verb_name, std::string verb_summary)
      : name(std::move(verb_name)), summary(std::move(verb_summary)) {}

  std::string name;
  std::string summary;
  // Paragraphs, one per line; a line that begins with two blanks is an entry of a list.
  std::string details = {};
  std::vector<Example> examples = {};
  std::string exit_codes = {};  // "0 nothing found, 1 a finding, 2 wrong use"
  std::deque<Option> options = {};
  // A verb with sub-verbs has no options and no function to run.
  std::deque<Verb> verbs = {};
  std::function<int()> run = {};  // returns the exit code; may throw UserError and Interruption
  // `VERB FLAG …` is rewritten to `OTHER …`: for flags that became verbs.
  struct Moved {
    std::string flag;
    std::string verb;
  };
  std::vector<Moved> moved = {};
  // At least one of the options must be given; otherwise `error` says what to do.
  struct OneOf {
    std::vector<std::string> options;
    std::string error;
  };
  std::vector<OneOf> one_of = {};
  // The script ./resprobe implements it, not this program.
  bool by_script = false;

  // Sets the heading for the options that follow; empty: "Options".
  void Group(std::string heading) { group_ = std::move(heading); }

  Option& Flag(const std::string& option, bool* target, const std::string& help);
  Option& Text(const std::string& option, const std::string& value, std::string* target,
               const std::string& help);
  // May be repeated; each occurrence takes one value.
  Option& Texts(const std::string& option, const std::string& value,
                std::vector<std::string>* target, const std::string& help);
  // A positional argument, or any number of them.
  Option& Argument(const std::string& argument, std::string* target, const std::string& help);
  Option& Arguments(const std::string& argument, std::vector<std::string>* target,
                    const std::string& help);
  // One of a closed set.
  Option& Choice(const std::string& option, const std::vector<std::string>& choices,
                 std::string* target, const std::string& help);
  // A whole number from `least` to `most`.
  template <std::integral T>
  Option& Number(const std::string& option, const std::string& value, T* target, uint64_t least,
                 uint64_t most, const std::string& help) {
    Option& made = AddNumber(option, value, least, most, help,
                             [target](uint64_t number) { *target = static_cast<T>(number); });
    made.initial = std::to_string(*target);
    return made;
  }
  template <std::integral T>
  Option& Number(const std::string& option, const std::string& value, std::optional<T>* target,
                 uint64_t least, uint64_t most, const std::string& help) {
    return AddNumber(option, value, least, most, help,
                     [target](uint64_t number) { *target = static_cast<T>(number); });
  }
  // A size in bytes: a whole number, or one of KiB, MiB, GiB ("16k", "1m", "2g").
  template <std::integral T>
  Option& Size(const std::string& option, T* target, uint64_t least, uint64_t most,
               const std::string& help) {
    Option& made = AddSize(option, least, most, help,
                           [target](uint64_t bytes) { *target = static_cast<T>(bytes); });
    made.initial = std::to_string(*target);
    return made;
  }
  // A number of seconds, possibly fractional; above 0 unless `zero` is true.
  Option& Seconds(const std::string& option, const std::string& value, double* target, bool zero,
                  const std::string& help);
  // Seconds as "30s", "5m", "1h".
  Option& Time(const std::string& option, double* seconds, const std::string& help);

  // Adds to `one_of`; names that the verb does not have are ignored.
  void RequireOneOf(std::vector<std::string> names, std::string error) {
    one_of.push_back({std::move(names), std::move(error)});
  }

  // Any other option. `set` receives all values that were given.
  Option& Add(Option option);

 private:
  Option& AddNumber(const std::string& option, const std::string& value, uint64_t least,
                    uint64_t most, const std::string& help, std::function<void(uint64_t)> set);
  Option& AddSize(const std::string& option, uint64_t least, uint64_t most, const std::string& help,
                  std::function<void(uint64_t)> set);

  std::string group_ = {};
};

// The words of a comma-separated list, without empty ones.
std::vector<std::string> SplitList(const std::string& list);

}  // namespace resprobe::cli

#endif  // RESPROBE_CLI_COMMAND_LINE_VERB_H_

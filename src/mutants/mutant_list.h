#ifndef RESPROBE_MUTANTS_MUTANT_LIST_H_
#define RESPROBE_MUTANTS_MUTANT_LIST_H_

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

// The lists of planted faults, mutants/*.txt. An entry, which a blank line ends:
//
//   mutant  zset_gt_equal                          a name: letters, digits, _; unique in all lists
//   file    src/core/commands/zset_commands.cc     a source of the core or of worlds, no header
//   harness command_handler command_oracle         those that may detect it, the likeliest first
//   breaks  ZADD GT lowers a score.                what a user loses
//   in      if (options.gt && score <= old) return;
//   from    score <= old
//   to      score < old
//
// `in` is a part of one line that the file has exactly once; several lines `in` stand for as many
// lines of the file, where blanks at their beginnings and ends do not count: the first one is the
// end of a line, the last one the beginning of one. `from` is in `in` exactly once, and `to` takes
// its place; both may have several lines. If `from` ends with ';' (or is a block from 'if', 'for',
// 'while' or '{' to its '}') it is a whole statement and no declaration; without `to` it is
// removed. Otherwise it is a whole expression without side effects, as is `to`, which is converted
// to its type. A line that begins with # is a comment.
namespace resprobe::mutants {

struct Mutant {
  std::string name;
  std::string file;
  std::vector<std::string> harnesses;
  std::string breaks;
  std::string in;
  std::string from;
  std::string to;
  // Where it is listed, for errors.
  std::string list;
  size_t line = 0;     // of `mutant`
  size_t in_line = 0;  // of the first `in`
  size_t from_line = 0;

  bool is_statement() const;
};

// An error: "FILE:LINE: what is wrong".
struct ListError {
  std::string text;
};

// Parses one list; `name` is for errors. Appends to both.
void ReadList(std::string_view text, const std::string& name, std::vector<Mutant>* mutants,
              std::vector<ListError>* errors);

// All lists of a source tree, by name, and what is wrong among them: two equal names, a file that
// does not exist, a harness that harnesses/harnesses.txt does not have.
std::vector<Mutant> ReadLists(const std::filesystem::path& source, std::vector<ListError>* errors);

}  // namespace resprobe::mutants

#endif  // RESPROBE_MUTANTS_MUTANT_LIST_H_

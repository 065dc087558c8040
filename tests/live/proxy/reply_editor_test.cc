#include "live/proxy/reply_editor.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace resprobe::live {
namespace {

constexpr std::string_view kReplies = "+OK\r\n*2\r\n$1\r\na\r\n:1\r\n$-1\r\n";

struct Edited {
  std::string bytes;
  uint64_t fired = 0;
};

Edited Feed(ReplyEditor* editor, std::initializer_list<std::string_view> pieces) {
  Edited edited;
  for (const std::string_view piece : pieces) {
    editor->Feed(piece, [&](const Toxic&) { ++edited.fired; }, &edited.bytes);
  }
  return edited;
}

Toxic Duplicate(int64_t at) {
  const std::array<int64_t, 1> values = {at};
  return MakeToxic(ToxicKind::kDuplicateReply, ToxicDirection::kDownstream, values);
}

TEST(ReplyEditor, PassesWhatHasNoToxicAtOnce) {
  ReplyEditor editor;
  EXPECT_EQ(Feed(&editor, {"$5\r\nab"}).bytes, "$5\r\nab");
  EXPECT_EQ(Feed(&editor, {"cde\r\n"}).bytes, "cde\r\n");
  EXPECT_EQ(editor.replies(), 1u);
}

TEST(ReplyEditor, EditsTheSameHoweverTheStreamIsCut) {
  const std::string wanted = "+OK\r\n*2\r\n$1\r\na\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n$-1\r\n";
  for (size_t first = 0; first <= kReplies.size(); ++first) {
    for (size_t second = first; second <= kReplies.size(); ++second) {
      ReplyEditor editor;
      const Toxic toxics[] = {Duplicate(2)};
      editor.SetToxics(toxics);
      const Edited edited =
          Feed(&editor, {kReplies.substr(0, first), kReplies.substr(first, second - first),
                         kReplies.substr(second)});
      EXPECT_EQ(edited.bytes, wanted) << first << " " << second;
      EXPECT_EQ(edited.fired, 1u);
    }
  }
}

TEST(ReplyEditor, ChangesBetweenRepliesOnly) {
  ReplyEditor editor;
  EXPECT_EQ(Feed(&editor, {"+O"}).bytes, "+O");
  const Toxic toxics[] = {Duplicate(0)};
  editor.SetToxics(toxics);
  EXPECT_EQ(Feed(&editor, {"K\r\n:1\r\n:2"}).bytes, "K\r\n:1\r\n:1\r\n");
  editor.SetToxics({});
  EXPECT_EQ(Feed(&editor, {"\r\n:3\r\n"}).bytes, ":2\r\n:3\r\n");
  EXPECT_EQ(editor.replies(), 4u);
}

TEST(ReplyEditor, LosesNothingOfWhatIsNoReply) {
  ReplyEditor editor;
  const Toxic toxics[] = {Duplicate(0)};
  editor.SetToxics(toxics);
  EXPECT_EQ(Feed(&editor, {":1\r\n*2\r\n:1\r\n", "?what", "\r\n+OK\r\n"}).bytes,
            ":1\r\n:1\r\n*2\r\n:1\r\n?what\r\n+OK\r\n");
}

}  // namespace
}  // namespace resprobe::live

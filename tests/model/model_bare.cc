// What another machine does to the bare backing while nobody has the volume open, and what has to come of it.
#include "tests/model/model_run.h"

namespace hardlinkfs {

// Where contents lie, to be asked for while the volume is open and used when it is not.
std::vector<ModelRun::BareHome> ModelRun::BareHomes(FileType type) {
  std::vector<BareHome> homes;
  if (type == FileType::kDirectory) homes.push_back({tree_.root(), machine_.backing().root(), BackingName()});
  for (ReferenceNode& node : tree_.nodes()) {
    if (node.type != type || node.nlink == 0 || &node == tree_.root()) continue;
    std::vector<BackingName> down;
    for (InodeId at = node.inode; at != kRootInode;) {
      const auto record = machine_.volume().Read(at);
      if (!record.ok() || !record->home.has_value()) Fail("no home of " + Show(node));
      down.push_back(record->home->name);
      at = record->home->directory;
    }
    BackingDirectoryRef directory = machine_.backing().root();
    const size_t directories = type == FileType::kDirectory ? 0 : 1;
    for (size_t i = down.size(); i > directories; --i) {
      const auto next = machine_.backing().OpenDirectory(directory, down[i - 1]);
      if (!next.ok()) Fail("cannot open the way to " + Show(node));
      directory = *next;
    }
    homes.push_back({&node, directory, down.front()});
  }
  return homes;
}

void ModelRun::EditBare(const std::vector<BareHome>& files, const std::vector<BareHome>& directories) {
  std::vector<BareHome> left = files;
  for (uint64_t i = 0; i < 1 + dice_.Below(4); ++i) {
    // Not within the tick in which we wrote: nobody is that fast.
    machine_.clock().Advance(std::chrono::seconds(5));
    const BareHome& directory = directories[dice_.Below(directories.size())];
    const uint64_t choice = dice_.Below(3);
    if (choice == 0 || left.empty()) {
      AddBareFile(*directory.node, directory.directory);
      continue;
    }
    const size_t which = dice_.Below(left.size());
    if (choice == 1) {
      EditBareFile(left[which]);
      continue;
    }
    RemoveBareFile(left[which]);
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(which));
  }
}

void ModelRun::EditBareFile(const BareHome& home) {
  Trace("  below: edit " + Show(*home.node));
  const auto file = machine_.backing().OpenFile(home.directory, home.name);
  const std::string content(dice_.Below(5000), 'e');
  if (!file.ok() || !(*file)->Truncate(0).ok() || !(*file)->Write(content, 0).ok()) Fail("cannot edit below");
  home.node->content = content;
  home.node->unseen_write = true;
}

void ModelRun::RemoveBareFile(const BareHome& home) {
  Trace("  below: remove " + Show(*home.node));
  if (!machine_.backing().RemoveFile(home.directory, home.name).ok()) Fail("cannot remove below");
  for (ReferenceNode& node : tree_.nodes()) {
    const size_t gone = std::erase_if(node.names, [&](const auto& entry) { return entry.second == home.node; });
    node.names_vanished = node.names_vanished || gone > 0;
  }
  home.node->nlink = 0;
}

void ModelRun::AddBareFile(ReferenceNode& directory, const BackingDirectoryRef& ref) {
  const std::string name = "below" + std::to_string(++added_bare_);
  Trace("  below: add " + name + " to " + Show(directory));
  const auto file = machine_.backing().CreateFile(ref, BackingName(name), 0777);
  const std::string content(dice_.Below(5000), 'n');
  if (!file.ok() || !(*file)->Write(content, 0).ok()) Fail("cannot add below");
  ReferenceNode& node = tree_.nodes().emplace_back();
  node.type = FileType::kRegular;
  node.nlink = 1;
  node.content = content;
  node.adopted = true;
  directory.names[name] = &node;
}

// Looks at everything once, so that all is adopted and dropped, and takes over what only the volume can say of it.
void ModelRun::TouchAll() {
  for (ReferenceNode& node : tree_.nodes()) {
    if (node.is_directory() && node.nlink > 0 && !machine_.vfs().OpenDirectory(node.inode).ok()) Fail(Show(node) + " does not open");
  }
  for (ReferenceNode& directory : tree_.nodes()) {
    if (directory.nlink == 0) continue;
    for (const auto& [name, node] : directory.names) {
      if (!node->adopted) continue;
      const auto found = machine_.vfs().Lookup(directory.inode, name);
      if (!found.ok()) Fail(name + " was not adopted");
      node->inode = found->inode;
      node->mode = found->mode;
      node->uid = found->uid;
      node->gid = found->gid;
      node->atime = found->atime;
      node->mtime = found->mtime;
      node->ctime = found->ctime;
      node->adopted = false;
      ++node->lookups;
    }
  }
  for (ReferenceNode& node : tree_.nodes()) {
    if (node.is_alive() && Raw(node.inode) != 0 && !machine_.vfs().GetAttributes(node.inode).ok()) Fail(Show(node) + " is not there");
    if (node.names_vanished) node.mtime = node.ctime = machine_.clock().Now();
    node.names_vanished = false;
  }
}

}  // namespace hardlinkfs

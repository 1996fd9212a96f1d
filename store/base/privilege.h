// Privileges of the server that some of what it does for others must not have: capabilities(7), of a thread.
#ifndef HARDLINKFS_STORE_BASE_PRIVILEGE_H_
#define HARDLINKFS_STORE_BASE_PRIVILEGE_H_

namespace hardlinkfs {

// Until destroyed the calling thread does without a capability (CAP_…). Without an effect on one that has not got it.
class WithoutPrivilege {
 public:
  explicit WithoutPrivilege(unsigned capability);
  ~WithoutPrivilege();
  WithoutPrivilege(const WithoutPrivilege&) = delete;
  WithoutPrivilege& operator=(const WithoutPrivilege&) = delete;

 private:
  const unsigned capability_;
  bool had_ = false;
};

// Has the calling thread use all that it may but CAP_FSETID: taking another's ids it loses what those have not got. So nobody is lent the
// rights of a group that he is not in.
void UseAllPrivilegesButSetIds();

// Until destroyed the calling thread writes as somebody who is not root, with root's other rights: of a full filesystem ext4 keeps some
// blocks for who has root's fsuid. Not to be nested, neither in what takes other ids. Without an effect unless `needed`, or for a server
// that is not root.
class WithoutReserve {
 public:
  explicit WithoutReserve(bool needed);
  ~WithoutReserve();
  WithoutReserve(const WithoutReserve&) = delete;
  WithoutReserve& operator=(const WithoutReserve&) = delete;

 private:
  const bool is_other_;
};

// For good, of the calling thread and those that it will start.
void GiveUpPrivilege(unsigned capability);

}  // namespace hardlinkfs

#endif  // HARDLINKFS_STORE_BASE_PRIVILEGE_H_

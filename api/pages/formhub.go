package pages

import (
	"context"

	"groupd/group"
	"groupd/moderation"
)

// FormHub is what the forms ask of the domain, besides what pages for readers do; *group.Hub is one.
type FormHub interface {
	Person(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash) (group.Person, error)
	Remembered(ctx context.Context, c group.Caller, g group.GroupID) (bool, error)
	Powers(ctx context.Context, c group.Caller, g group.GroupID) ([]moderation.Action, error)
	Resolve(ctx context.Context, c group.Caller, g group.GroupID, text string, among group.Scope) (group.AnyHash, error)

	Join(ctx context.Context, c group.Caller, g group.GroupID, in group.JoinInput) (group.JoinResult, error)
	Leave(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
	Forget(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
	Claim(ctx context.Context, c group.Caller, g group.GroupID, in group.ClaimInput) (group.JoinResult, error)

	UpdateProfile(ctx context.Context, c group.Caller, g group.GroupID, in group.ProfileInput) (group.Member, error)
	Notifications(ctx context.Context, c group.Caller, g group.GroupID) (group.Delivery, error)
	UpdateNotifications(ctx context.Context, c group.Caller, g group.GroupID, in group.NotificationsInput) (group.Delivery, error)
	BlockInvites(ctx context.Context, c group.Caller, g group.GroupID, off bool) (group.Change, error)

	Members(ctx context.Context, c group.Caller, g group.GroupID, q group.MembersQuery) (group.MembersPage, error)
	Kick(ctx context.Context, c group.Caller, g group.GroupID, in group.KickInput) (group.Change, error)
	Ban(ctx context.Context, c group.Caller, g group.GroupID, in group.BanInput) (group.BanResult, error)
	Unban(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	UndoBan(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	Mute(ctx context.Context, c group.Caller, g group.GroupID, in group.MuteInput) (group.Change, error)
	Unmute(ctx context.Context, c group.Caller, g group.GroupID, target group.AnyHash) (group.Change, error)
	UpdatePermissions(ctx context.Context, c group.Caller, g group.GroupID, in group.PermissionsInput) (group.Member, error)
	Transfer(ctx context.Context, c group.Caller, g group.GroupID, in group.TransferInput) (group.Member, error)

	Requests(ctx context.Context, c group.Caller, g group.GroupID, limit int) ([]group.Request, error)
	Approve(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash) (group.JoinResult, error)
	Reject(ctx context.Context, c group.Caller, g group.GroupID, who group.AnyHash, reason string) (group.Change, error)
	Reports(ctx context.Context, c group.Caller, g group.GroupID, after int64, limit int) (group.ReportsPage, error)
	SettleReports(ctx context.Context, c group.Caller, g group.GroupID, seq group.Seq, note string) (group.Change, error)
	Bans(ctx context.Context, c group.Caller, g group.GroupID, after group.AnyHash, limit int) (bans []group.Ban, more bool, err error)
	AuditLog(ctx context.Context, c group.Caller, g group.GroupID, q group.AuditQuery) (group.AuditPage, error)
	Lockdown(ctx context.Context, c group.Caller, g group.GroupID, in group.LockdownInput) (group.Change, error)

	CreateInvite(ctx context.Context, c group.Caller, g group.GroupID, in group.InviteInput) (group.InviteIssued, error)
	Invites(ctx context.Context, c group.Caller, g group.GroupID, q group.InvitesQuery) (group.InvitesPage, error)
	RevokeInvite(ctx context.Context, c group.Caller, g group.GroupID, id int64) (group.Change, error)

	Settings(ctx context.Context, c group.Caller, g group.GroupID) (group.Settings, error)
	UpdateSettings(ctx context.Context, c group.Caller, g group.GroupID, in group.SettingsInput) (group.Change, error)
	UpdateDisplayName(ctx context.Context, c group.Caller, g group.GroupID, in group.NamesInput) (group.Change, error)
	UpdateTopic(ctx context.Context, c group.Caller, g group.GroupID, topic string) (group.Change, error)

	Groups(ctx context.Context, c group.Caller) ([]group.Info, error)
	MayCreate(ctx context.Context, c group.Caller) error
	CreateGroup(ctx context.Context, c group.Caller, n group.NewGroup) (group.Group, error)
	CloneGroup(ctx context.Context, c group.Caller, g group.GroupID, in group.CloneInput) (group.Cloned, error)
	DeleteGroup(ctx context.Context, c group.Caller, g group.GroupID) error

	DeclineInvite(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
	Circle(ctx context.Context, c group.Caller, g group.GroupID) (group.CircleState, error)
	Establish(ctx context.Context, c group.Caller, g group.GroupID) (group.Change, error)
}

var _ FormHub = (*group.Hub)(nil)

// formPages are the pages with forms, but for those about posts.
func (s *Server) formPages() []route {
	return []route{
		{"/page/join.mu", s.join},
		{"/page/leave.mu", s.leave},
		{"/page/forget.mu", s.forget},
		{"/page/claim.mu", s.claim},
		{"/page/me.mu", s.me},
		{"/page/delivery.mu", s.delivery},
		{"/page/members.mu", s.members},
		{"/page/member.mu", s.member},
		{"/page/kick.mu", s.kick},
		{"/page/ban.mu", s.ban},
		{"/page/mute.mu", s.mute},
		{"/page/role.mu", s.role},
		{"/page/transfer.mu", s.transfer},
		{"/page/moderate.mu", s.moderate},
		{"/page/waiting.mu", s.waiting},
		{"/page/reports.mu", s.reports},
		{"/page/bans.mu", s.bans},
		{"/page/audit.mu", s.audit},
		{"/page/invites.mu", s.invites},
		{"/page/settings.mu", s.settings},
		{"/page/setting.mu", s.setting},
		{"/page/names.mu", s.names},
		{"/page/groups.mu", s.groups},
		{"/page/kinds.mu", s.kinds},
		{"/page/create.mu", s.create},
		{"/page/clone.mu", s.clone},
		{"/page/delete.mu", s.deleteGroup},
		{"/page/circle.mu", s.circle},
	}
}
